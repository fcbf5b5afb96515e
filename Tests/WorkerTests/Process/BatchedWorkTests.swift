import Foundation
import JSONStream
import MessagePack
import NATSClient
import NIOCore
import TestSupport
import Testing
import Wire

extension WorkSender {
    /// Publishes the texts of one request, those of each group as one message.
    func sendBatches(_ groups: [[String]], request: String) async throws {
        let items = groups.map { group in group.map { MessagePackWriter.encode(["text": .string($0)]) } }
        try await sendBatches(items: items, request: request)
    }

    /// Publishes the items of one request, whatever they are.
    func sendBatches(items groups: [[[UInt8]]], request: String, reply: String? = nil) async throws {
        var work = WorkItem()
        work.requestID = request
        work.totalItems = groups.reduce(0) { $0 + $1.count }
        work.modelID = RunningWorker.model
        work.pool = "default"
        work.replySubject = reply ?? "_INBOX.test.\(request)"
        work.timestamp = Date().timeIntervalSince1970
        let writer = WorkItemWriter(work)
        var first = 0
        for group in groups {
            var message = MessagePackWriter()
            Self.write(group[...], from: first, [], with: writer, to: &message)
            first += group.count
            try await publish(
                message.bytes, subject: Subjects.batch(model: RunningWorker.model, pool: "default"))
        }
    }

    /// Holds on to the bytes of each item until all are written.
    private static func write(
        _ items: ArraySlice<[UInt8]>, from index: Int, _ payloads: [(index: Int, payload: WorkItemWriter.Payload)],
        with writer: WorkItemWriter, to message: inout MessagePackWriter
    ) {
        guard let item = items.first else { return writer.write(batch: payloads, to: &message) }
        item.withUnsafeBytes { bytes in
            write(items.dropFirst(), from: index + 1, payloads + [(index, .item(bytes))], with: writer, to: &message)
        }
    }

    /// Waits until a worker has made the queue of batches.
    func waitUntilBatchesAreTaken() async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let info = try? await connection.jetStream.consumerInfo(
                stream: "WORK_BATCH_default", name: "default_default")
            if let info, info.waitingCount > 0 { return }
            guard ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(description: "nobody pulls batches")
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}

@Suite("Batches through the real worker", .serialized, .enabled(if: RunningWorker.canRun), .timeLimit(.minutes(2)))
struct BatchedWorkTests {
    static func texts(_ count: Int) -> [String] {
        (0..<count).map { "text \($0) " + String(repeating: "with many words ", count: 20) }
    }

    static func groups(_ texts: [String], of count: Int) -> [[String]] {
        stride(from: 0, to: texts.count, by: count).map { Array(texts[$0..<min($0 + count, texts.count)]) }
    }

    @Test("a worker says that it takes batches, and gives their texts the vectors they have by themselves")
    func vectors() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.waitUntilBatchesAreTaken()
            try await StatusReader.read(port: worker.port) { next in
                let status = try await next()
                #expect(status["capabilities"] == ["work_items/batches"])
            }
            let texts = (0..<100).map { "text number \($0)" }
            try await sender.send(texts, request: "single")
            let single = try await sender.answers("single", count: 100)
            let before = sender.answerMessages
            try await sender.sendBatches(Self.groups(texts, of: 50), request: "batched")
            let batched = try await sender.answers("batched", count: 100)
            #expect(batched.map(\.vector) == single.map(\.vector))
            #expect(batched.allSatisfy { $0.vector?.count == 384 && ($0.result.timings.inference ?? 0) > 0 })
            #expect(sender.received("batched").count == 100)
            #expect(sender.answerMessages == before + 2)
            try await sender.waitUntilStreamIsEmpty("WORK_BATCH_default")
        }
    }

    @Test(
        "an item that cannot be done fails by itself; what is no batch is removed, what nobody waits for acknowledged")
    func refusals() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.waitUntilBatchesAreTaken()
            let subject = Subjects.batch(model: RunningWorker.model, pool: "default")
            let good = MessagePackWriter.encode(["text": "x"])
            let image = MessagePackWriter.encode(["images": [.binary([1])]])
            try await sender.publish([0xC1], subject: subject)
            try await sender.publish(MessagePackWriter.encode(["request_id": "r", "work_items": []]), subject: subject)
            try await sender.sendBatches(items: [[good, good]], request: "dropped", reply: "somewhere.else")
            try await sender.sendBatches(items: [[good, image, [0xC0], good]], request: "mixed")
            let answers = try await sender.answers("mixed", count: 4)
            #expect(answers.map { $0.vector == nil } == [false, true, true, false])
            for answer in answers where answer.vector == nil {
                guard case .failure(let message, let code) = answer.result.outcome else {
                    Issue.record("succeeded")
                    continue
                }
                #expect(code == "inference_error" && !message.isEmpty)
            }
            try await sender.waitUntilStreamIsEmpty("WORK_BATCH_default")
            #expect(sender.received("dropped").isEmpty)
        }
    }
}
