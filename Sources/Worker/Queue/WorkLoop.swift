import Logging
import NATSClient
import ServiceLifecycle
import Synchronization
import Wire

/// Keeps the worker's lane of the queue flowing: pulls as many messages as there is room for, single work items and
/// messages with several, announces long work, and on shutdown stops pulling, gives back what waits and finishes what runs.
package final class WorkLoop: Service {
    private let ackWait: Duration
    private let logger: Logger
    private let dispatcher: WorkDispatcher
    private let items: LanePull
    private let batches: LanePull

    /// How long running work may take to finish at shutdown (worker contract 1.7).
    static let drainLimit: Duration = .seconds(25)
    /// Work must be announced well within the ack wait; see `DeliveryLedger.inProgress`.
    private var announceInterval: Duration { ackWait / 8 }

    /// - Parameters:
    ///   - window: work items held at once that came singly, waiting or running; as many again may come in messages with several.
    ///   - makeDispatcher: makes the dispatcher, given what to call when a message was settled.
    package init(
        lane: WorkLane, connection: NATSConnection, window: Int, logger: Logger,
        makeDispatcher: (_ onSettled: @escaping WorkDispatcher.OnSettled) -> WorkDispatcher
    ) {
        ackWait = lane.ackWait
        self.logger = logger
        let items = LanePull(lane: lane, connection: connection, window: window, logger: logger)
        let batches = LanePull(
            lane: lane.batches, connection: connection, window: window, logger: logger)
        self.items = items
        self.batches = batches
        dispatcher = makeDispatcher { content, count in
            switch content {
            case .items: items.settled(items: count)
            case .batches: batches.settled(items: count)
            }
        }
    }

    /// Messages fetched and not settled.
    package var outstanding: Int { dispatcher.outstanding }

    /// Whether stream and consumer are in place and messages are asked for.
    package var isPulling: Bool { items.isPulling }

    /// The same for batches. A worker that cannot have that queue does without.
    package var isPullingBatches: Bool { batches.isPulling }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { [dispatcher] in await self.items.run { dispatcher.received($0) } }
            group.addTask { [dispatcher] in await self.batches.run { dispatcher.received(batch: $0) } }
            group.addTask { try await self.announce() }
            try await gracefulShutdown()
            await stop()
            group.cancelAll()
        }
    }

    private func stop() async {
        // First the end of pulling: what is given back while a pull is open comes straight back here, and each time
        // counts as a delivery. Then what the server had sent by then is given back with the rest.
        await items.drain()
        await batches.drain()
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
}
