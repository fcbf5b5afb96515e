import Logging
import NATSClient
import Observability
import Synchronization
import TestSupport
import Testing
import Wire
import Worker

/// A model that has no memory for one text, twice.
private final class PickyModel: TextEncoding, ModelServing {
    let attempts = Mutex<[String: Int]>([:])
    let dimension = 2
    let queueDepth = 0
    let bundleConfigHash = ""

    func submit(
        _ text: String, parameters: EncodeParameters, onStart: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<EncodedText, EncodingFailure>) -> Void
    ) -> Bool {
        let attempt = attempts.withLock { attempts in
            attempts[text, default: 0] += 1
            return attempts[text] ?? 0
        }
        onStart()
        if text == "heavy", attempt <= 2 {
            completion(.failure(.outOfMemory))
        } else {
            completion(
                .success(EncodedText(vector: [1, 0], tokenizationMilliseconds: 0, inferenceMilliseconds: 0)))
        }
        return true
    }

    func withModel(_ id: String, _ body: @escaping @Sendable (ModelAdmission) -> Void) {
        body(.ready(ServedModel(id: id, adapter: "test", encoder: self, profiles: ["default": [:]])))
    }
}

@Suite("Batches of work", .enabled(if: NATSServerProcess.Release.current.path != nil), .timeLimit(.minutes(1)))
struct BatchedDispatchTests {
    /// What the dispatcher did with what a sender published.
    private struct Setup {
        let model = PickyModel()
        let settled: Settlements
        let dispatcher: WorkDispatcher
        let items: PullConsumer
        let batches: PullConsumer
        let batchStream: String

        /// The streams and consumers, empty.
        static func queues(_ sender: WorkSender) async throws -> WorkLane {
            let lane = try WorkLane(bundle: "default", pool: "default")
            let jetStream = sender.connection.jetStream
            for queue in [lane, lane.batches] {
                try await jetStream.createStream(queue.streamConfiguration)
                try await jetStream.createConsumer(stream: queue.stream, queue.consumerConfiguration)
            }
            return lane
        }

        init(_ sender: WorkSender) async throws {
            let lane = try await Self.queues(sender)
            let jetStream = sender.connection.jetStream
            let settled = Settlements()
            let dispatcher = WorkDispatcher(
                models: model, publisher: ResultPublisher(connection: sender.connection, workerName: "worker"),
                metrics: WorkerMetrics(registry: MetricsRegistry()),
                nakDelays: .init(unavailable: .zero, outOfMemory: .milliseconds(50)), payloads: nil,
                ackWait: lane.ackWait, clock: .system, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                onSettled: { content, count in settled.add(content, count) })
            self.settled = settled
            self.dispatcher = dispatcher
            items = try await jetStream.pull(stream: lane.stream, consumer: lane.consumer) { dispatcher.received($0) }
            batches = try await jetStream.pull(stream: lane.batches.stream, consumer: lane.batches.consumer) {
                dispatcher.received(batch: $0)
            }
            batchStream = lane.batches.stream
        }

        func stop() {
            items.stop()
            batches.stop()
        }
    }

    /// The messages that were settled, with what they counted for.
    private final class Settlements: Sendable {
        private let counts = Mutex<[WorkLane.Content: [Int]]>([:])

        func add(_ content: WorkLane.Content, _ count: Int) {
            counts.withLock { $0[content, default: []].append(count) }
        }

        func of(_ content: WorkLane.Content) -> [Int] { counts.withLock { $0[content] ?? [] } }
    }

    @Test("an item that has to be given back takes its batch along once, and is on its own from then on")
    func takenApart() async throws {
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            let setup = try await Setup(sender)
            try await sender.sendBatches([["light", "heavy", "bright"]], request: "r")
            let answers = try await sender.answers("r", count: 3)
            #expect(answers.allSatisfy { $0.vector == [1, 0] })
            try await sender.waitUntilStreamIsEmpty()
            try await sender.waitUntilStreamIsEmpty(setup.batchStream)
            #expect(setup.model.attempts.withLock { $0 } == ["light": 2, "heavy": 3, "bright": 2])
            // The two others are answered with the batch and by themselves; who collects takes the first.
            #expect(sender.received("r").map(\.result.itemIndex).sorted() == [0, 0, 1, 2, 2])
            #expect(setup.dispatcher.outstanding == 0)
            #expect(setup.settled.of(.batches) == [64, 64])
            #expect(setup.settled.of(.items) == [1, 1, 1, 1])
            setup.stop()
        }
    }

    @Test(
        "a message that is taken apart by two workers, of which one ended before it could say so, leaves each item once",
        arguments: [SuccessionTests.Form.inBatches, .coalesced])
    func takenApartTwice(form: SuccessionTests.Form) async throws {
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            let batches = try await Setup.queues(sender).batches
            // Two copies instead of one that comes twice: what a worker does that ends in between, and its heir.
            for _ in 0..<2 { try await form.send(["one", "two", "three"], by: sender) }
            let taken = Mutex<[JetStreamMessage]>([])
            let pull = try await sender.connection.jetStream.pull(stream: batches.stream, consumer: batches.consumer) {
                message in taken.withLock { $0.append(message) }
            }
            try await eventually("both have been delivered") { taken.withLock { $0.count } == 2 }
            pull.stop()
            for message in taken.withLock({ $0 }) { try message.nak() }

            let setup = try await Setup(sender)
            for request in form.requests(of: 3) {
                let answers = try await sender.answers(request.name, count: request.count)
                #expect(answers.allSatisfy { $0.vector == [1, 0] })
            }
            try await sender.waitUntilStreamIsEmpty(setup.batchStream)
            try await sender.waitUntilStreamIsEmpty()
            #expect(setup.model.attempts.withLock { $0 } == ["one": 1, "two": 1, "three": 1])
            setup.stop()
        }
    }

    @Test("of coalesced requests, those that are done are answered at once and together; the rest comes again, singly")
    func coalesced() async throws {
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            let setup = try await Setup(sender)
            try await sender.sendCoalesced(["light", "heavy", "bright"].map { WorkSender.item($0, request: $0) })
            for request in ["light", "bright", "heavy"] {
                #expect(try await sender.answers(request, count: 1).first?.vector == [1, 0])
            }
            try await sender.waitUntilStreamIsEmpty()
            try await sender.waitUntilStreamIsEmpty(setup.batchStream)
            #expect(setup.model.attempts.withLock { $0 } == ["light": 2, "heavy": 3, "bright": 2])
            #expect(["light", "heavy", "bright"].map { sender.received($0).count } == [2, 1, 2])
            // One message with two results, then three that were done by themselves.
            #expect(sender.answerMessages == 4)
            #expect(setup.dispatcher.outstanding == 0)
            #expect(setup.settled.of(.batches) == [3, 3])
            #expect(setup.settled.of(.items) == [1, 1, 1, 1])
            setup.stop()
        }
    }
}
