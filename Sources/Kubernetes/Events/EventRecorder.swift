import FoundationEssentials
import JSONStream
import Logging
import Observability
import ServiceLifecycle
import Synchronization

/// Tells people what happens to objects, as Events: a service that writes what is recorded, a few at a time and those of one
/// object in order, and never makes the one who records wait.
///
/// What happens again within ten minutes makes the event a series. Of one object 25 things are told at once and one more
/// each five minutes. At most 1,000 things wait; then the oldest are left out, which is counted, and logged once for each
/// time that it comes to that.
public final class EventRecorder: Service {
    public struct Options: Sendable {
        /// How much waits at most.
        public var capacity = 1000
        /// How many are written at the same time.
        public var writers = 8
        /// How often one thing is written anew that cannot be written for a reason that passes.
        public var attempts = 4
        public var aggregator = EventAggregator()

        public init() {}
    }

    /// Where the server keeps events.
    private enum Place: Sendable {
        case events(ResourceType)
        case core
    }

    private struct State: Sendable {
        var queue: EventQueue
        var aggregator: EventAggregator
        /// Nil until it is found.
        var place: Place?
    }

    private enum Step {
        case write(EventAggregator.Decision, EventQueue.Item)
        case wait
        case end
    }

    private let client: KubernetesClient
    private let controller: String
    private let instance: String
    private let options: Options
    private let metrics: EventMetrics?
    private let logger: Logger
    private let state: Mutex<State>
    private let alarm = Alarm()
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - controller: who tells, such as `sie.dev/operator`.
    ///   - instance: which process of it.
    public init(
        _ client: KubernetesClient, controller: String, instance: String, options: Options = Options(),
        metrics: EventMetrics? = nil, logger: Logger
    ) {
        self.client = client
        self.controller = controller
        self.instance = String(cutting: instance, toBytes: 128)
        self.options = options
        self.metrics = metrics
        self.logger = logger
        state = Mutex(State(queue: EventQueue(capacity: options.capacity), aggregator: options.aggregator))
    }

    /// Something has happened to an object.
    ///
    /// - Parameters:
    ///   - reason: one word for machines, such as `RegistrationFailed`.
    ///   - action: what was done meanwhile, such as `Register`.
    ///   - note: for people; what passes 1,024 bytes is cut.
    public func record(
        _ regarding: ObjectReference, _ type: EventType = .normal, reason: String, action: String, note: String
    ) {
        let occurrence = EventAggregator.Occurrence(
            regarding: regarding, type: type, reason: reason, action: action, note: note)
        let item = EventQueue.Item(
            occurrence, time: MicroTime(secondsSince1970: Date.now.timeIntervalSince1970),
            now: start.duration(to: .now))
        if case .leavesOut(let isFirst) = state.withLock({ $0.queue.add(item) }) {
            metrics?.dropped.increment()
            if isFirst {
                logger.warning(
                    "Events are left out: more wait than are kept", metadata: ["capacity": "\(options.capacity)"])
            }
        }
        alarm.ring()
    }

    /// Returns when everything is written that was recorded, after some time at most. The service must run.
    public func flush(within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while .now < deadline, state.withLock({ !$0.queue.isEmpty || !$0.queue.isIdle }) {
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { return }
        }
    }

    // MARK: Writing

    /// Writes until the task is cancelled, or until a graceful shutdown, when what waits is written first.
    public func run() async {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    switch step() {
                    case .write(let decision, let item):
                        group.addTask {
                            await self.write(decision, item)
                            self.state.withLock { $0.queue.finish(item) }
                            self.alarm.ring()
                        }
                    case .wait: await alarm.wait(for: nil)
                    case .end: return
                    }
                }
            }
        } onGracefulShutdown: {
            self.alarm.ring()
        }
    }

    private func step() -> Step {
        let isShuttingDown = Task.isShuttingDownGracefully
        return state.withLock { state in
            var generator = SystemRandomNumberGenerator()
            // One finds out where events are kept, so that not all ask at once.
            let writers = state.place == nil ? 1 : max(1, options.writers)
            while let item = state.queue.take(writers: writers) {
                let decision = state.aggregator.decide(item.occurrence, now: item.now, using: &generator)
                guard decision == .drop else { return .write(decision, item) }
                metrics?.suppressed.increment()
                state.queue.finish(item)
            }
            return isShuttingDown && state.queue.isEmpty ? .end : .wait
        }
    }

    private func write(_ decision: EventAggregator.Decision, _ item: EventQueue.Item) async {
        var backoff = Backoff(base: .milliseconds(200), cap: .seconds(10))
        for attempt in 1...max(1, options.attempts) {
            do throws(KubernetesError) {
                try await write(decision, item, findPlace())
                metrics?.written.increment()
                return
            } catch {
                guard error.isRetryable, attempt < options.attempts, !Task.isShuttingDownGracefully else {
                    if error.isCancellation { return }
                    state.withLock { $0.aggregator.forget(item.occurrence) }
                    metrics?.failed.increment()
                    logger.warning(
                        "An event is not written",
                        metadata: ["reason": .string(item.occurrence.reason), "error": .string("\(error)")])
                    return
                }
                var generator = SystemRandomNumberGenerator()
                let wait = backoff.wait(now: .zero, using: &generator)
                guard (try? await Task.sleep(for: max(wait, error.retryAfter ?? .zero))) != nil else { return }
            }
        }
    }

    private func findPlace() async throws(KubernetesError) -> Place {
        if let place = state.withLock({ $0.place }) { return place }
        let types = [Event.resourceType, Event.resourceType.at(version: "v1beta1")]
        let place = try await client.discovery.firstServed(of: types).map { Place.events($0) } ?? .core
        state.withLock { $0.place = place }
        return place
    }

    private func write(
        _ decision: EventAggregator.Decision, _ item: EventQueue.Item, _ place: Place
    ) async throws(KubernetesError) {
        switch decision {
        case .drop: return
        case .create(let name): try await create(name, item, place)
        case .count(let name, let count):
            do throws(KubernetesError) {
                try await patch(name, count, item, place)
            } catch {
                // Servers forget events after an hour, or when somebody deletes them.
                guard error.isNotFound else { throw error }
                try await create(name, item, place)
            }
        }
    }

    /// Events are about objects of their own namespace; those about others are in `default`.
    private func namespace(of item: EventQueue.Item) -> String { item.occurrence.regarding.namespace ?? "default" }

    private func create(_ name: String, _ item: EventQueue.Item, _ place: Place) async throws(KubernetesError) {
        let occurrence = item.occurrence
        let namespace = namespace(of: item)
        let count = state.withLock { $0.aggregator.count(of: occurrence) }
        let event = Event(
            metadata: ObjectMeta(name: name, namespace: namespace), eventTime: item.time,
            series: count > 1 ? .init(count: count, lastObservedTime: item.time) : nil,
            reportingController: controller, reportingInstance: instance, action: occurrence.action,
            reason: occurrence.reason, regarding: occurrence.regarding, note: occurrence.note,
            type: occurrence.type.rawValue)
        do throws(KubernetesError) {
            switch place {
            case .events(let type): try await client.resources(Event.self, at: type, in: namespace).create(event)
            case .core: try await client.resources(CoreEvent.self, in: namespace).create(CoreEvent(event))
            }
        } catch {
            // The answer to an earlier attempt was lost.
            guard error.isAlreadyExists else { throw error }
        }
    }

    private func patch(
        _ name: String, _ count: Int, _ item: EventQueue.Item, _ place: Place
    ) async throws(KubernetesError) {
        let namespace = namespace(of: item)
        switch place {
        case .events(let type):
            try await client.resources(Event.self, at: type, in: namespace).merge(
                name,
                [
                    "series": [
                        "count": .int(Int64(count)), "lastObservedTime": .string("\(item.time)"),
                    ]
                ])
        case .core:
            try await client.resources(CoreEvent.self, in: namespace).merge(
                name,
                ["count": .int(Int64(count)), "lastTimestamp": .string("\(Timestamp(item.time))")])
        }
    }
}
