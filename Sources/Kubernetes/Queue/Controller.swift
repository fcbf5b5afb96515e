import Logging
import Observability
import ServiceLifecycle
import Synchronization

/// Works on keys, some at a time and each alone: a service that runs until it is cancelled or shut down in good order.
///
/// A reconciler is told a name and nothing else: it reads what is there, decides, acts, and says when to look again. What
/// it throws makes the key come again later. On a graceful shutdown nothing new is begun, what is being worked on is
/// finished within ``Options/shutdownLimit``, and the rest is cancelled.
public final class Controller: Service {
    /// What to do with a key; the logger names it.
    public typealias Reconciler = @Sendable (ObjectKey, Logger) async throws -> ReconcileResult

    public struct Options: Sendable {
        /// Keys that are worked on at the same time.
        public var workers = 4
        /// After how long the work on a key is cancelled and counts as failed.
        public var reconcileLimit = Duration.seconds(120)
        /// How long a graceful shutdown waits for what is being worked on.
        public var shutdownLimit = Duration.seconds(20)
        /// How long keys wait that come again.
        public var limits = WorkQueueLimits<ObjectKey>()

        public init() {}
    }

    private struct State: Sendable {
        var queue: WorkQueue<ObjectKey>
        var running = 0
        /// When the shutdown began.
        var closed: Duration?
    }

    private enum Step {
        case process(WorkQueue<ObjectKey>.Item)
        case wait(Duration?)
        /// Cancel what is left.
        case end
    }

    public let name: String
    private let options: Options
    private let metrics: ControllerMetrics.Series?
    private let logger: Logger
    private let reconcile: Reconciler
    private let state: Mutex<State>
    private let alarm = Alarm()
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - name: in logs and metrics.
    ///   - metrics: shared by the controllers of a process.
    public init(
        name: String, options: Options = Options(), metrics: ControllerMetrics? = nil, logger: Logger,
        reconcile: @escaping Reconciler
    ) {
        self.name = name
        self.options = options
        self.metrics = metrics?.series(name: name)
        self.logger = logger
        self.reconcile = reconcile
        state = Mutex(State(queue: WorkQueue(limits: options.limits)))
        self.metrics?.maxConcurrentReconciles.set(Double(options.workers))
        metrics?.registry.onScrape { [weak self] in self?.measure() }
    }

    private var now: Duration { start.duration(to: .now) }

    // MARK: Keys

    /// Adds a key, to be worked on as soon as there is somebody to do it, or after a delay.
    public func add(_ key: ObjectKey, priority: WorkPriority = .normal, after delay: Duration = .zero) {
        let isNew = state.withLock { $0.queue.add(key, priority: priority, after: delay, now: now) }
        if isNew { metrics?.adds.increment() }
        alarm.ring()
    }

    /// What an informer tells adds keys: its objects' own, or those that `keys` finds for an object. What is there at the
    /// start comes after what changes.
    public func handler<Object: KubernetesObject>(
        of type: Object.Type = Object.self, keys: @escaping @Sendable (Object) -> [ObjectKey] = { [$0.key] }
    ) -> @Sendable (InformerEvent<Object>) async -> Void {
        let isSynced = Atomic(false)
        return { [weak self] event in
            if case .synced = event { isSynced.store(true, ordering: .relaxed) }
            guard let self else { return }
            let priority = isSynced.load(ordering: .relaxed) ? WorkPriority.normal : .low
            var found = event.object.map(keys) ?? []
            if case .updated(let old, _) = event { found += keys(old).filter { !found.contains($0) } }
            for key in found { add(key, priority: priority) }
        }
    }

    /// For how long the longest work goes on; zero where nothing is worked on. For health checks.
    public var longestWork: Duration {
        state.withLock { state in state.queue.processingSince.min().map { now - $0 } ?? .zero }
    }

    // MARK: Running

    public func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                while true {
                    switch step() {
                    case .process(let item): group.addTask { await self.process(item) }
                    case .wait(let duration): await alarm.wait(for: duration)
                    case .end:
                        group.cancelAll()
                        return
                    }
                }
            }
        } onGracefulShutdown: {
            self.state.withLock { $0.closed = self.now }
            self.alarm.ring()
        }
    }

    private func step() -> Step {
        state.withLock { state in
            if Task.isCancelled { return .end }
            if let closed = state.closed {
                let rest = closed + options.shutdownLimit - now
                return state.running == 0 || rest <= .zero ? .end : .wait(rest)
            }
            guard state.running < options.workers else { return .wait(nil) }
            switch state.queue.next(now: now) {
            case .process(let item):
                state.running += 1
                return .process(item)
            case .wait(let duration): return .wait(duration)
            }
        }
    }

    private func process(_ item: WorkQueue<ObjectKey>.Item) async {
        var logger = logger
        logger[metadataKey: "controller"] = .string(name)
        logger[metadataKey: "namespace"] = item.key.namespace.map { .string($0) }
        logger[metadataKey: "name"] = .string(item.key.name)
        logger[metadataKey: "reconcileID"] = .string(String(UInt64.random(in: 0 ... .max), radix: 16))
        let began = now
        metrics?.queueDuration.observe(item.waited)
        metrics?.activeWorkers.add(1)
        let outcome = await outcome(of: item.key, logger)
        metrics?.activeWorkers.add(-1)
        metrics?.reconcileTime.observe(now - began)
        metrics?.workDuration.observe(now - began)
        if outcome == .again { metrics?.retries.increment() }
        state.withLock { state in
            var generator = SystemRandomNumberGenerator()
            state.queue.finish(item, outcome, now: now, using: &generator)
            state.running -= 1
        }
        alarm.ring()
    }

    /// Works on a key and says what becomes of it.
    private func outcome(of key: ObjectKey, _ logger: Logger) async -> WorkQueue<ObjectKey>.Outcome {
        do {
            let result = try await withTimeLimit(options.reconcileLimit) { [reconcile] in
                try await reconcile(key, logger)
            }
            switch result {
            case .done:
                metrics?.successes.increment()
                return .forget
            case .requeue:
                metrics?.requeues.increment()
                return .again
            case .requeueAfter(let delay):
                metrics?.delayedRequeues.increment()
                return .after(delay)
            case nil:
                metrics?.timeouts.increment()
                logger.warning(
                    "The work took too long and was cancelled",
                    metadata: ["limit": .stringConvertible(options.reconcileLimit)])
            }
        } catch let error as TerminalReconcileError {
            metrics?.terminalErrors.increment()
            metrics?.errors.increment()
            metrics?.failures.increment()
            logger.error("The work failed for good", metadata: ["error": "\(error)"])
            return .forget
        } catch {
            // Who shuts down wants to know nothing of it.
            if Task.isCancelled { return .again }
            logger.warning("The work failed and will be done again", metadata: ["error": "\(error)"])
        }
        metrics?.errors.increment()
        metrics?.failures.increment()
        return .again
    }

    private func measure() {
        let (depth, since) = state.withLock { ($0.queue.depth, $0.queue.processingSince) }
        let ages = since.map { (now - $0) / .seconds(1) }
        metrics?.depth.set(Double(depth))
        metrics?.unfinishedWork.set(ages.reduce(0, +))
        metrics?.longestRunning.set(ages.max() ?? 0)
    }
}
