import Kubernetes

/// What the operator knows of the demand, put together from what the replicas of the gateway tell: a value that is fed
/// rounds of answers and asked for signals, with no clock of its own.
///
/// The scaler decides over machines that cost, and over requests that wait. Where it does not know everything it never says
/// less than before: a replica that does not answer may be the one with the requests. Where it has not known for long it
/// says that it does not know, so that KEDA leaves everything as it is.
package struct DemandBook: Sendable {
    /// How old an answer may be to count.
    package static let freshSeconds = 10.0
    /// How long the last full view is held on to while some replica does not answer.
    package static let holdSeconds = 300.0
    /// How long demand lasts after the last request for it, as in the gateway.
    package static let pendingSeconds = 120.0

    /// What is asked for of one group.
    package struct Signals: Sendable, Hashable {
        /// Whether requests were turned away for want of a worker.
        package var isPending = false
        /// Items that wait on workers.
        package var queuedItems = 0
        /// Workers that pools hold.
        package var leased = 0
        /// Workers that pools want at least.
        package var floor = 0

        package init(isPending: Bool = false, queuedItems: Int = 0, leased: Int = 0, floor: Int = 0) {
            self.isPending = isPending
            self.queuedItems = queuedItems
            self.leased = leased
            self.floor = floor
        }

        /// Workers that are wanted whatever the queue.
        package var capacity: Int { max(isPending ? 1 : 0, leased, floor) }

        /// Whether a group at zero is to wake up.
        package func isActive(queueDepthActivation: Int) -> Bool {
            isPending || queuedItems > queueDepthActivation || capacity > 0
        }

        /// The higher of both in everything.
        func atLeast(_ other: Signals) -> Signals {
            Signals(
                isPending: isPending || other.isPending, queuedItems: max(queuedItems, other.queuedItems),
                leased: leased, floor: floor)
        }
    }

    /// Why nothing can be said.
    package enum Unknown: Error, Sendable, Hashable, CustomStringConvertible {
        /// No round since the start had an answer of every replica.
        case noFullRound(missing: [String])
        /// For too long some replica has not answered.
        case stale(seconds: Int, missing: [String])

        package var description: String {
            switch self {
            case .noFullRound(let missing) where missing.isEmpty: "no replica of the gateway is known yet"
            case .noFullRound(let missing):
                "not every replica of the gateway has answered yet: \(missing.joined(separator: ", "))"
            case .stale(let seconds, let missing):
                "for \(seconds) s not every replica of the gateway has answered: \(missing.joined(separator: ", "))"
            }
        }
    }

    private struct Answer {
        var demand: GatewayDemand
        var time: Double
    }

    /// The answers of the replicas, by their ids.
    private var answers: [String: Answer] = [:]
    /// The replicas that have to answer, by ids, with their pods' names.
    private var replicas: [String: String] = [:]
    private var pools = PoolDemand()
    /// When every replica had answered, at last.
    private var lastFull: Double?
    /// What was known then, and whatever more was since.
    private var held: [WorkerGroupName: Signals] = [:]

    package init() {}

    // MARK: What is told

    /// Which replicas there are and ready, by ids, with their pods' names.
    package mutating func follow(_ replicas: [String: String], now: Double) {
        self.replicas = replicas
        answers = answers.filter { replicas[$0.key] != nil }
        settle(now: now)
    }

    /// What a replica has answered.
    package mutating func take(_ demand: GatewayDemand, of replica: String, now: Double) {
        guard replicas[replica] != nil else { return }
        answers[replica] = Answer(demand: demand, time: now)
        settle(now: now)
    }

    /// What pools ask for.
    package mutating func take(_ pools: PoolDemand) { self.pools = pools }

    /// Time has passed.
    package mutating func tick(now: Double) { settle(now: now) }

    /// Takes what is known now for what is so, where everything is known; else lets it only raise what was so.
    private mutating func settle(now: Double) {
        let current = gather(now: now)
        if missing(now: now).isEmpty, !replicas.isEmpty {
            held = current
            lastFull = now
        } else {
            for (group, signals) in current { held[group] = held[group]?.atLeast(signals) ?? signals }
        }
    }

    // MARK: What is asked

    /// The signals of one group.
    ///
    /// - Throws: ``Unknown``, where saying anything would be a guess.
    package func signals(of group: WorkerGroupName, now: Double) throws(Unknown) -> Signals {
        guard let lastFull else { throw .noFullRound(missing: missing(now: now)) }
        let silence = now - lastFull
        guard silence <= Self.holdSeconds else { throw .stale(seconds: Int(silence), missing: missing(now: now)) }
        return withPools(held[group] ?? Signals(), group)
    }

    /// The signals of all groups that anything is known of, whether it is enough to act on or not.
    package var all: [WorkerGroupName: Signals] {
        let groups = Set(held.keys).union(pools.leased.keys).union(pools.floor.keys)
        return Dictionary(uniqueKeysWithValues: groups.map { ($0, withPools(held[$0] ?? Signals(), $0)) })
    }

    /// Whether it is known what is so.
    package func isKnown(now: Double) -> Bool { lastFull.map { now - $0 <= Self.holdSeconds } ?? false }

    /// Items that wait for a bundle's workers; nil where that is not known.
    package func queuedItems(ofBundle bundle: String, now: Double) -> Int? {
        guard isKnown(now: now) else { return nil }
        let name = bundle.lowercased()
        return held.reduce(0) { $1.key.bundle == name ? $0 + $1.value.queuedItems : $0 }
    }

    /// The pods of replicas without a fresh answer, in order.
    package func missing(now: Double) -> [String] {
        replicas.filter { id, _ in answers[id].map { now - $0.time > Self.freshSeconds } ?? true }.values.sorted()
    }

    private func withPools(_ signals: Signals, _ group: WorkerGroupName) -> Signals {
        var signals = signals
        signals.leased = pools.leased[group] ?? 0
        signals.floor = pools.floor[group] ?? 0
        return signals
    }

    /// What fresh answers say together: every replica tells of every worker, so the deepest queue that one of them has seen
    /// counts once for each worker.
    private func gather(now: Double) -> [WorkerGroupName: Signals] {
        var signals: [WorkerGroupName: Signals] = [:]
        var depths: [WorkerGroupName: [String: Int]] = [:]
        for answer in answers.values {
            let age = now - answer.time
            for pending in answer.demand.pending where pending.idleSeconds + age < Self.pendingSeconds {
                signals[pending.group, default: Signals()].isPending = true
            }
            guard age <= Self.freshSeconds else { continue }
            for worker in answer.demand.workers {
                depths[worker.group, default: [:]][worker.name] = max(
                    depths[worker.group]?[worker.name] ?? 0, worker.queueDepth)
            }
        }
        for (group, workers) in depths {
            signals[group, default: Signals()].queuedItems = workers.values.reduce(0, +)
        }
        return signals
    }
}
