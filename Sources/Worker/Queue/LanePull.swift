import Logging
import NATSClient
import Synchronization

/// Keeps one queue of a worker's lane flowing: makes sure that stream and consumer exist and pulls as many messages as
/// there is room for.
final class LanePull: Sendable {
    private let lane: WorkLane
    private let connection: NATSConnection
    /// How many messages one pull asks for at most.
    private let pullSize: Int
    private let logger: Logger
    private let credit: Credit
    private let isStopping = Atomic(false)
    private let hasConsumer = Atomic(false)

    /// - Parameter window: work items held at once.
    init(lane: WorkLane, connection: NATSConnection, window: Int, logger: Logger) {
        let largestMessage = lane.content.largestMessage
        self.lane = lane
        self.connection = connection
        self.logger = logger
        pullSize = min(64, max(1, window / largestMessage))
        credit = Credit(PullCredit(window: window, largestMessage: largestMessage))
    }

    /// The consumer pulling now, if any, and what it may still ask for.
    private final class Credit: Sendable {
        private struct State {
            var credit: PullCredit
            var consumer: PullConsumer?
        }

        private let state: Mutex<State>

        init(_ credit: PullCredit) { state = Mutex(State(credit: credit)) }

        func start(_ consumer: PullConsumer) {
            state.withLock { state in
                state.consumer = consumer
                consumer.requestMore(state.credit.started())
            }
        }

        func received(items: Int) { ask { $0.received(items: items) } }

        func settled(items: Int) { ask { $0.settled(items: items) } }

        private func ask(_ event: (inout PullCredit) -> Int) {
            state.withLock { state in
                let more = event(&state.credit)
                if more > 0 { state.consumer?.requestMore(more) }
            }
        }

        func drain() async {
            await state.withLock { $0.consumer }?.drain()
        }

        func stop() {
            state.withLock { state in
                state.consumer?.stop()
                state.consumer = nil
                state.credit.stopped()
            }
        }
    }

    /// Whether stream and consumer are in place and messages are asked for.
    var isPulling: Bool { hasConsumer.load(ordering: .acquiring) }

    /// A message of this queue with so many items was settled: there is room for as many.
    func settled(items: Int) { credit.settled(items: items) }

    /// Stops asking and takes what the server had sent already.
    func drain() async {
        isStopping.store(true, ordering: .releasing)
        await credit.drain()
    }

    /// Sets the lane up and pulls; starts over where the server lost it, as one with memory streams does when restarted.
    func run(_ onMessage: @escaping @Sendable (JetStreamMessage) -> Void) async {
        // A server that will not have a queue of batches is not to be asked all the time.
        let longestDelay: Duration = lane.content == .items ? .seconds(5) : .seconds(60)
        var delay = Duration.milliseconds(250)
        while !Task.isCancelled, !isStopping.load(ordering: .acquiring) {
            do {
                try await connection.waitUntilConnected()
                let plan = try await lane.ensure(connection.jetStream)
                if case .update(_, let changes) = plan {
                    logger.info("consumer settings updated", metadata: ["changes": "\(changes)"])
                }
                delay = .milliseconds(250)
                try await pullUntilRefused(onMessage)
            } catch is CancellationError {
                return
            } catch {
                logger.warning("work queue is not ready", metadata: ["stream": "\(lane.stream)", "error": "\(error)"])
            }
            do { try await Task.sleep(for: delay) } catch { return }
            delay = min(delay * 2, longestDelay)
        }
    }

    private func pullUntilRefused(_ onMessage: @escaping @Sendable (JetStreamMessage) -> Void) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: PullConsumer.Event.self)
        // Nothing is asked for before the consumer is known to whom settled messages make room.
        let configuration = PullConfiguration(batch: pullSize, initialCredit: 0)
        // Before the first event can say otherwise.
        hasConsumer.store(true, ordering: .releasing)
        defer {
            hasConsumer.store(false, ordering: .releasing)
            credit.stop()
        }
        let consumer = try await connection.jetStream.pull(
            stream: lane.stream, consumer: lane.consumer, configuration: configuration,
            onEvent: { [weak self] event in
                // Here and not in the loop below: when the connection is back, the worker must not count as ready
                // until the lane has been looked after.
                if event == .connectionLost { self?.hasConsumer.store(false, ordering: .releasing) }
                continuation.yield(event)
            },
            onMessage: { [credit, content = lane.content] in
                credit.received(items: content.itemCount(of: $0))
                onMessage($0)
            })
        credit.start(consumer)
        logger.info("serving", metadata: ["stream": "\(lane.stream)", "consumer": "\(lane.consumer)"])
        for await event in events {
            switch event {
            case .heartbeatsMissed: continue
            case .refused(let status, let description):
                logger.info("pull refused", metadata: ["status": "\(status)", "reason": "\(description)"])
                // 409 says that a limit is met for now; anything else that the lane is gone.
                if status != 409 { return }
            case .connectionLost, .consumerDeleted, .ended: return
            }
        }
    }
}
