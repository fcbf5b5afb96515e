import Foundation
import Glibc
import TestSupport
import Testing
import Wire

/// What becomes of the work of a worker that goes, however that work was published.
@Suite(
    "Work of a worker that goes", .serialized, .enabled(if: RunningWorker.canRun), .timeLimit(.minutes(2)))
struct SuccessionTests {
    /// How items are published.
    enum Form: CaseIterable, Sendable {
        /// A message for each of one request.
        case singly
        /// Several of one request in each message.
        case inBatches
        /// Those of many requests, several in each message.
        case coalesced

        /// The requests, and how many items each has.
        func requests(of count: Int) -> [(name: String, count: Int)] {
            self == .coalesced ? CoalescedWorkTests.requests(count).map { ($0, 1) } : [("all", count)]
        }

        func send(_ texts: [String], by sender: WorkSender) async throws {
            switch self {
            case .singly: try await sender.send(texts, request: "all")
            case .inBatches: try await sender.sendBatches(BatchedWorkTests.groups(texts, of: 60), request: "all")
            case .coalesced:
                let requests = CoalescedWorkTests.requests(texts.count)
                let items = zip(texts, requests).map { WorkSender.item($0, request: $1) }
                for start in stride(from: 0, to: items.count, by: 60) {
                    try await sender.sendCoalesced(Array(items[start..<min(start + 60, items.count)]))
                }
            }
        }
    }

    /// How a worker goes that has answered one item of many, and how long its successor may take for the rest.
    private func succeed(
        _ form: Form, count: Int, environment: [String: String] = [:], within limit: Duration,
        _ leave: (RunningWorker) async throws -> Void
    ) async throws -> (answers: Int, heir: RunningWorker, workers: Set<String>) {
        let nats = try await NATSServerProcess()
        let catalog = try RunningWorker.catalog()
        let leaving = try RunningWorker(nats: nats, catalog: catalog, environment: environment)
        try await leaving.waitUntilReady()
        return try await withSender(to: nats) { sender in
            try await sender.waitUntilBatchesAreTaken()
            let requests = form.requests(of: count)
            func answered() -> Int { requests.reduce(0) { $0 + sender.received($1.name).count } }
            try await form.send(BatchedWorkTests.texts(count), by: sender)
            // One answer is here long before all are: nobody waits for his neighbours.
            try await eventually("one answer", within: .seconds(60)) { answered() > 0 }
            try await leave(leaving)
            #expect(answered() < count, "gone too late to tell anything")
            let heir = try RunningWorker(nats: nats, catalog: catalog, environment: environment)
            var workers: Set<String> = []
            for request in requests {
                let answers = try await sender.answers(request.name, count: request.count, within: limit)
                #expect(answers.allSatisfy { $0.vector?.count == 384 })
                #expect(answers.map(\.result.itemIndex) == Array(0..<request.count))
                workers.formUnion(answers.compactMap(\.result.workerID))
            }
            try await sender.waitUntilStreamIsEmpty("WORK_BATCH_default")
            try await sender.waitUntilStreamIsEmpty()
            #expect(heir.program.isRunning)
            return (answered(), heir, workers)
        }
    }

    @Test("what a worker held that was killed is done by another one, for every request", arguments: Form.allCases)
    func killed(form: Form) async throws {
        let end = try await succeed(
            form, count: 240, environment: ["SIE_ACK_WAIT_S": "2"], within: .seconds(60)
        ) { worker in
            worker.program.signal(SIGKILL)
            try await worker.program.exitCode()
        }
        #expect(end.workers.contains("worker-\(end.heir.port)"))
    }

    @Test(
        "SIGTERM finishes what runs, gives the rest back at once, and answers no item twice", arguments: Form.allCases)
    func terminated(form: Form) async throws {
        // Well before the acknowledgement time of 30 s: given back, not timed out.
        let end = try await succeed(form, count: 180, within: .seconds(25)) { worker in
            worker.program.signal(SIGTERM)
            let code = try await worker.program.exitCode(within: .seconds(30))
            #expect(code == 0)
        }
        // Nothing that was given back had been answered, and nothing answered was given back.
        #expect(end.answers == 180)
    }
}
