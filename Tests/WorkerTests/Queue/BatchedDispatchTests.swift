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
    @Test("an item that has to be given back takes its batch along once, and is on its own from then on")
    func takenApart() async throws {
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            let model = PickyModel()
            let lane = try WorkLane(bundle: "default", pool: "default")
            for queue in [lane, lane.batches] {
                try await sender.connection.jetStream.createStream(queue.streamConfiguration)
                try await sender.connection.jetStream.createConsumer(stream: queue.stream, queue.consumerConfiguration)
            }
            let settled = Mutex<[WorkLane.Content]>([])
            let dispatcher = WorkDispatcher(
                models: model, publisher: ResultPublisher(connection: sender.connection, workerName: "worker"),
                metrics: WorkerMetrics(registry: MetricsRegistry()),
                nakDelays: .init(unavailable: .zero, outOfMemory: .milliseconds(50)), payloads: nil,
                ackWait: lane.ackWait, clock: .system, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                onSettled: { content in settled.withLock { $0.append(content) } })
            let jetStream = sender.connection.jetStream
            let items = try await jetStream.pull(stream: lane.stream, consumer: lane.consumer) {
                dispatcher.received($0)
            }
            let batches = try await jetStream.pull(stream: lane.batches.stream, consumer: lane.batches.consumer) {
                dispatcher.received(batch: $0)
            }
            try await sender.sendBatches([["light", "heavy", "bright"]], request: "r")
            let answers = try await sender.answers("r", count: 3)
            #expect(answers.allSatisfy { $0.vector == [1, 0] })
            try await sender.waitUntilStreamIsEmpty()
            try await sender.waitUntilStreamIsEmpty(lane.batches.stream)
            #expect(model.attempts.withLock { $0 } == ["light": 2, "heavy": 3, "bright": 2])
            // The two others are answered with the batch and by themselves; who collects takes the first.
            #expect(sender.received("r").map(\.result.itemIndex).sorted() == [0, 0, 1, 2, 2])
            #expect(dispatcher.outstanding == 0)
            let settlings = settled.withLock { $0 }
            #expect(settlings.filter { $0 == .batches }.count == 2)
            #expect(settlings.filter { $0 == .items }.count == 4)
            items.stop()
            batches.stop()
        }
    }
}
