import FoundationEssentials
import JSONStream
import Logging
import ServiceLifecycle
import Synchronization

/// Tells people what happens to objects, as Events: a service that writes what is recorded, one after the other, and never
/// makes the one who records wait.
///
/// What happens again within ten minutes makes the event a series. Of one object 25 things are told at once and one more
/// each five minutes. At most 1,000 things wait; then the oldest are left out.
public final class EventRecorder: Service {
    public struct Options: Sendable {
        /// How much waits at most.
        public var capacity = 1000
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

    private struct Recorded: Sendable {
        var occurrence: EventAggregator.Occurrence
        var time: MicroTime
        var now: Duration
    }

    private struct State: Sendable {
        var waiting: [Recorded] = []
        var isWriting = false
        var dropped = 0
        var aggregator: EventAggregator
    }

    private let client: KubernetesClient
    private let controller: String
    private let instance: String
    private let options: Options
    private let logger: Logger
    private let state: Mutex<State>
    private let alarm = Alarm()
    private let start = ContinuousClock.now

    /// - Parameters:
    ///   - controller: who tells, such as `sie.dev/operator`.
    ///   - instance: which process of it.
    public init(
        _ client: KubernetesClient, controller: String, instance: String, options: Options = Options(),
        logger: Logger
    ) {
        self.client = client
        self.controller = controller
        self.instance = String(cutting: instance, toBytes: 128)
        self.options = options
        self.logger = logger
        state = Mutex(State(aggregator: options.aggregator))
    }

    /// How much was left out because too much waited.
    public var dropped: Int { state.withLock { $0.dropped } }

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
        let recorded = Recorded(
            occurrence: occurrence, time: MicroTime(secondsSince1970: Date.now.timeIntervalSince1970),
            now: start.duration(to: .now))
        state.withLock { state in
            state.waiting.append(recorded)
            if state.waiting.count > options.capacity {
                state.waiting.removeFirst()
                state.dropped += 1
            }
        }
        alarm.ring()
    }

    /// Returns when everything is written that was recorded, after some time at most. The service must run.
    public func flush(within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        while .now < deadline, state.withLock({ !$0.waiting.isEmpty || $0.isWriting }) {
            guard (try? await Task.sleep(for: .milliseconds(10))) != nil else { return }
        }
    }

    // MARK: Writing

    /// Writes until the task is cancelled, or until a graceful shutdown, when what waits is written first.
    public func run() async {
        await withGracefulShutdownHandler {
            var place: Place?
            while !Task.isCancelled {
                guard let next = take() else {
                    if Task.isShuttingDownGracefully { return }
                    await alarm.wait(for: nil)
                    continue
                }
                await write(next, at: &place)
                state.withLock { $0.isWriting = false }
            }
        } onGracefulShutdown: {
            self.alarm.ring()
        }
    }

    private func take() -> Recorded? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            state.isWriting = true
            return state.waiting.removeFirst()
        }
    }

    private func write(_ recorded: Recorded, at place: inout Place?) async {
        let decision = state.withLock { state in
            var generator = SystemRandomNumberGenerator()
            return state.aggregator.decide(recorded.occurrence, now: recorded.now, using: &generator)
        }
        if decision == .drop { return }
        var backoff = Backoff(base: .milliseconds(200), cap: .seconds(10))
        for attempt in 1...max(1, options.attempts) {
            do throws(KubernetesError) {
                if place == nil { place = try await findPlace() }
                return try await write(decision, recorded, place ?? .core)
            } catch {
                guard error.isRetryable, attempt < options.attempts, !Task.isShuttingDownGracefully else {
                    if error.isCancellation { return }
                    state.withLock { $0.aggregator.forget(recorded.occurrence) }
                    logger.warning(
                        "An event is not written",
                        metadata: ["reason": .string(recorded.occurrence.reason), "error": .string("\(error)")])
                    return
                }
                var generator = SystemRandomNumberGenerator()
                let wait = backoff.wait(now: .zero, using: &generator)
                guard (try? await Task.sleep(for: max(wait, error.retryAfter ?? .zero))) != nil else { return }
            }
        }
    }

    private func findPlace() async throws(KubernetesError) -> Place {
        let types = [Event.resourceType, Event.resourceType.at(version: "v1beta1")]
        return try await client.discovery.firstServed(of: types).map { .events($0) } ?? .core
    }

    private func write(
        _ decision: EventAggregator.Decision, _ recorded: Recorded, _ place: Place
    ) async throws(KubernetesError) {
        switch decision {
        case .drop: return
        case .create(let name): try await create(name, recorded, place)
        case .count(let name, let count):
            do throws(KubernetesError) {
                try await patch(name, count, recorded, place)
            } catch {
                // Servers forget events after an hour, or when somebody deletes them.
                guard error.isNotFound else { throw error }
                try await create(name, recorded, place)
            }
        }
    }

    /// Events are about objects of their own namespace; those about others are in `default`.
    private func namespace(of recorded: Recorded) -> String { recorded.occurrence.regarding.namespace ?? "default" }

    private func create(_ name: String, _ recorded: Recorded, _ place: Place) async throws(KubernetesError) {
        let occurrence = recorded.occurrence
        let namespace = namespace(of: recorded)
        let count = state.withLock { $0.aggregator.count(of: occurrence) }
        let event = Event(
            metadata: ObjectMeta(name: name, namespace: namespace), eventTime: recorded.time,
            series: count > 1 ? .init(count: count, lastObservedTime: recorded.time) : nil,
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
        _ name: String, _ count: Int, _ recorded: Recorded, _ place: Place
    ) async throws(KubernetesError) {
        let namespace = namespace(of: recorded)
        switch place {
        case .events(let type):
            try await client.resources(Event.self, at: type, in: namespace).merge(
                name,
                [
                    "series": [
                        "count": .int(Int64(count)), "lastObservedTime": .string("\(recorded.time)"),
                    ]
                ])
        case .core:
            try await client.resources(CoreEvent.self, in: namespace).merge(
                name,
                ["count": .int(Int64(count)), "lastTimestamp": .string("\(Timestamp(recorded.time))")])
        }
    }
}
