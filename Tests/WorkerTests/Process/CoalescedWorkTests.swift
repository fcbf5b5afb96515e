import Foundation
import MessagePack
import TestSupport
import Testing
import Wire

extension WorkSender {
    /// A whole work item for a text of a request of its own.
    static func item(_ text: String, request: String, reply: String? = nil) -> [UInt8] {
        var work = WorkItem()
        work.requestID = request
        work.modelID = RunningWorker.model
        work.pool = "default"
        work.replySubject = reply ?? "_INBOX.test.\(request)"
        work.timestamp = Date().timeIntervalSince1970
        var writer = MessagePackWriter()
        let item = MessagePackWriter.encode(["text": .string(text)])
        item.withUnsafeBytes { WorkItemWriter(work).write(.item($0), index: 0, to: &writer) }
        return writer.bytes
    }

    /// Publishes the items of several requests as one message.
    func sendCoalesced(_ items: [[UInt8]]) async throws {
        try await publish(
            MessagePackWriter.encode(.array(items.map { .binary($0) })),
            subject: Subjects.batch(model: RunningWorker.model, pool: "default"))
    }
}

@Suite(
    "Coalesced requests through the real worker", .serialized, .enabled(if: RunningWorker.canRun),
    .timeLimit(.minutes(2)))
struct CoalescedWorkTests {
    static func requests(_ count: Int) -> [String] { (0..<count).map { "request-\($0)" } }

    @Test("each request gets the vector it would have got by itself, in few messages, once")
    func vectors() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.waitUntilBatchesAreTaken()
            let requests = Self.requests(60)
            let texts = requests.map { "a text for \($0)" }
            try await sender.send(texts, request: "single")
            let single = try await sender.answers("single", count: 60)
            let before = sender.answerMessages
            let items = zip(texts, requests).map { WorkSender.item($0, request: $1) }
            for start in stride(from: 0, to: 60, by: 20) {
                try await sender.sendCoalesced(Array(items[start..<start + 20]))
            }
            for (place, request) in requests.enumerated() {
                let answer = try #require(try await sender.answers(request, count: 1).first)
                #expect(answer.vector == single[place].vector)
                #expect(answer.result.itemIndex == 0 && (answer.result.timings.inference ?? 0) > 0)
            }
            try await sender.waitUntilStreamIsEmpty("WORK_BATCH_default")
            #expect(requests.allSatisfy { sender.received($0).count == 1 })
            // How many are ready at the same moment is the machine's affair; that some are, is not.
            #expect(sender.answerMessages - before < 60)
        }
    }

    @Test("what cannot be done, read or answered leaves its neighbours alone")
    func refusals() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.waitUntilBatchesAreTaken()
            let good = Self.requests(4).map { WorkSender.item("x", request: $0) }
            let astray = WorkSender.item("x", request: "astray", reply: "somewhere.else")
            let nobody = WorkSender.item("x", request: "nobody", reply: "")
            try await sender.publish([0x90], subject: Subjects.batch(model: RunningWorker.model, pool: "default"))
            try await sender.publish(
                [0x92, 0xC0], subject: Subjects.batch(model: RunningWorker.model, pool: "default"))
            try await sender.sendCoalesced([[0xC0], [0x80], astray])
            try await sender.sendCoalesced([good[0], [0xC0], good[1], astray, good[2], nobody, good[3]])
            for request in Self.requests(4) {
                #expect(try await sender.answers(request, count: 1).first?.vector?.count == 384)
            }
            try await sender.waitUntilStreamIsEmpty("WORK_BATCH_default")
            #expect(sender.received("astray").isEmpty && sender.received("nobody").isEmpty)
        }
    }
}
