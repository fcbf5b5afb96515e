import Foundation
import Logging
import NATSClient
import Observability
import Synchronization
import TestSupport
import Testing
import Wire
import Worker

/// A model for which there is no memory at first.
private final class StarvingModel: TextEncoding, ModelServing {
    let attempts = Mutex<[ContinuousClock.Instant]>([])
    let dimension = 4
    let queueDepth = 0
    let bundleConfigHash = ""

    func submit(
        _ text: String, parameters: EncodeParameters, onStart: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<EncodedText, EncodingFailure>) -> Void
    ) -> Bool {
        let isFirst = attempts.withLock { attempts in
            attempts.append(.now)
            return attempts.count == 1
        }
        onStart()
        if isFirst {
            completion(.failure(.outOfMemory))
        } else {
            completion(
                .success(
                    EncodedText(vector: [1, 0, 0, 0], tokenizationMilliseconds: 0, inferenceMilliseconds: 0)))
        }
        return true
    }

    func withModel(_ id: String, _ body: @escaping @Sendable (ModelAdmission) -> Void) {
        body(.ready(ServedModel(id: id, adapter: "test", encoder: self, profiles: ["default": [:]])))
    }
}

@Suite("Work for which there is no memory", .enabled(if: NATSServerProcess.Release.current.path != nil))
struct OutOfMemoryTests {
    @Test("it is given back for SIE_OOM_NAK_DELAY_S, published to nobody, and answered when it comes again")
    func givenBack() async throws {
        let delay = Duration.milliseconds(700)
        let nats = try await NATSServerProcess()
        try await withSender(to: nats) { sender in
            let model = StarvingModel()
            let metrics = WorkerMetrics(registry: MetricsRegistry())
            let lane = try WorkLane(bundle: "default", pool: "default")
            try await sender.connection.jetStream.createStream(lane.streamConfiguration)
            try await sender.connection.jetStream.createConsumer(stream: lane.stream, lane.consumerConfiguration)
            let dispatcher = WorkDispatcher(
                models: model, publisher: ResultPublisher(connection: sender.connection, workerName: "worker"),
                metrics: metrics, nakDelays: .init(unavailable: .zero, outOfMemory: delay), payloads: nil,
                ackWait: lane.ackWait, clock: .system, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                onSettled: { _, _ in })
            let consumer = try await sender.connection.jetStream.pull(stream: lane.stream, consumer: lane.consumer) {
                dispatcher.received($0)
            }
            try await sender.send(["x"], request: "starved")
            let answer = try await sender.answers("starved", count: 1)[0]
            #expect(answer.vector == [1, 0, 0, 0])
            let attempts = model.attempts.withLock { $0 }
            #expect(attempts.count == 2)
            #expect(attempts[1] - attempts[0] >= delay)
            #expect(sender.received("starved").count == 1)
            #expect(metrics.countersByModel()["sie_oom_terminal_failures"]?[RunningWorker.model] == 1)
            consumer.stop()
        }
    }
}
