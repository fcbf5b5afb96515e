import Logging
import NATSClient
import ServiceLifecycle
import Synchronization

/// Keeps the worker's lane of the queue flowing: makes sure stream and consumer exist, pulls as many messages as there
/// is room for, announces long work, and on shutdown stops pulling, gives back what waits and finishes what runs.
package final class WorkLoop: Service {
    private let lane: WorkLane
    private let connection: NATSConnection
    private let window: Int
    private let logger: Logger
    private let dispatcher: WorkDispatcher
    private let credit: Credit
    private let isStopping = Atomic(false)
    private let hasConsumer = Atomic(false)

    /// How long running work may take to finish at shutdown (worker contract 1.7).
    static let drainLimit: Duration = .seconds(25)
    /// Work must be announced well within the ack wait; see `DeliveryLedger.inProgress`.
    private var announceInterval: Duration { lane.ackWait / 8 }

    /// - Parameters:
    ///   - window: messages held at once, waiting or running.
    ///   - makeDispatcher: makes the dispatcher, given what to call when a message was settled.
    package init(
        lane: WorkLane, connection: NATSConnection, window: Int, logger: Logger,
        makeDispatcher: (_ onSettled: @escaping @Sendable () -> Void) -> WorkDispatcher
    ) {
        self.lane = lane
        self.connection = connection
        self.window = window
        self.logger = logger
        let credit = Credit(window: window)
        self.credit = credit
        dispatcher = makeDispatcher { credit.settled() }
    }

    /// The consumer pulling now, if any, and what it may still ask for.
    private final class Credit: Sendable {
        private struct State {
            var credit: PullCredit
            var consumer: PullConsumer?
        }

        private let state: Mutex<State>

        init(window: Int) { state = Mutex(State(credit: PullCredit(window: window))) }

        func start(_ consumer: PullConsumer) {
            state.withLock { state in
                state.consumer = consumer
                consumer.requestMore(state.credit.started())
            }
        }

        func received() { state.withLock { $0.credit.received() } }

        func settled() {
            state.withLock { state in
                let more = state.credit.settled()
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

    /// Messages fetched and not settled.
    package var outstanding: Int { dispatcher.outstanding }

    /// Whether stream and consumer are in place and messages are asked for.
    package var isPulling: Bool { hasConsumer.load(ordering: .acquiring) }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.pull() }
            group.addTask { try await self.announce() }
            try await gracefulShutdown()
            await stop()
            group.cancelAll()
        }
    }

    private func stop() async {
        isStopping.store(true, ordering: .releasing)
        // First the end of pulling: what is given back while a pull is open comes straight back here, and each time
        // counts as a delivery. Then what the server had sent by then is given back with the rest.
        await credit.drain()
        dispatcher.drain()
        let clock = ContinuousClock()
        let deadline = clock.now + Self.drainLimit
        while dispatcher.outstanding > 0, clock.now < deadline {
            // Work under way takes milliseconds; polling at this pace costs nothing and needs no wake-up path.
            try? await clock.sleep(for: .milliseconds(10))
        }
        let left = dispatcher.outstanding
        if left > 0 { logger.warning("stopped with work unfinished", metadata: ["items": "\(left)"]) }
    }

    private func announce() async throws {
        while !Task.isCancelled {
            do { try await Task.sleep(for: announceInterval) } catch { return }
            dispatcher.announceProgress()
        }
    }

    /// Sets the lane up and pulls; starts over where the server lost it, as one with memory streams does when restarted.
    private func pull() async throws {
        var delay = Duration.milliseconds(250)
        while !Task.isCancelled, !isStopping.load(ordering: .acquiring) {
            do {
                try await connection.waitUntilConnected()
                let plan = try await lane.ensure(connection.jetStream)
                if case .update(_, let changes) = plan {
                    logger.info("consumer settings updated", metadata: ["changes": "\(changes)"])
                }
                delay = .milliseconds(250)
                try await pullUntilRefused()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("work queue is not ready", metadata: ["stream": "\(lane.stream)", "error": "\(error)"])
            }
            do { try await Task.sleep(for: delay) } catch { return }
            delay = min(delay * 2, .seconds(5))
        }
    }

    private func pullUntilRefused() async throws {
        let (events, continuation) = AsyncStream.makeStream(of: PullConsumer.Event.self)
        // Nothing is asked for before the consumer is known to whom settled messages make room.
        let configuration = PullConfiguration(batch: min(64, window), initialCredit: 0)
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
            onMessage: { [dispatcher, credit] in
                credit.received()
                dispatcher.received($0)
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
