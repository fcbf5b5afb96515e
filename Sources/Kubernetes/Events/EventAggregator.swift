/// What becomes of things that happen: a new event, one more of a series, or nothing, where too much is told of one object.
/// A value with the time from outside; ``EventRecorder`` drives it.
public struct EventAggregator: Sendable {
    /// What makes two things the same.
    public struct Occurrence: Sendable, Hashable {
        public var regarding: ObjectReference
        public var type: EventType
        public var reason: String
        public var action: String
        public var note: String

        public init(
            regarding: ObjectReference, type: EventType = .normal, reason: String, action: String, note: String
        ) {
            self.regarding = regarding
            self.type = type
            self.reason = String(cutting: reason, toBytes: 128)
            self.action = String(cutting: action, toBytes: 128)
            self.note = String(cutting: note, toBytes: 1024)
        }
    }

    /// What to write.
    public enum Decision: Sendable, Hashable {
        /// An event of its own, by this name.
        case create(name: String)
        /// The event of this name has happened so often.
        case count(name: String, Int)
        /// Nothing; a later one of the same kind says how many there were.
        case drop
    }

    private struct Series: Sendable {
        var name: String
        var count: Int
        var last: Duration
        /// Whether the event is to be written yet, because there was too much to tell.
        var isUnwritten: Bool
    }

    private struct Budget: Sendable {
        var bucket: TokenBucket
        var last: Duration
    }

    private let window: Duration
    private let burst: Int
    private let refill: Duration
    /// Objects and series that are remembered at most.
    private let capacity: Int
    private var series: [Occurrence: Series] = [:]
    private var budgets: [ObjectReference: Budget] = [:]

    /// - Parameters:
    ///   - window: within what time the same again is one more of a series.
    ///   - burst: how much is told of one object at once.
    ///   - refill: after what time one more may be told of it.
    public init(
        window: Duration = .seconds(600), burst: Int = 25, refill: Duration = .seconds(300), capacity: Int = 4096
    ) {
        self.window = window
        self.burst = burst
        self.refill = refill
        self.capacity = max(1, capacity)
    }

    /// Something has happened.
    ///
    /// - Parameter now: the time since any fixed moment.
    public mutating func decide(
        _ occurrence: Occurrence, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Decision {
        let isAffordable = pay(for: occurrence.regarding, now: now)
        if var known = series[occurrence], now - known.last <= window {
            known.count += 1
            known.last = now
            defer { series[occurrence] = known }
            guard isAffordable else { return .drop }
            if known.isUnwritten {
                known.isUnwritten = false
                return .create(name: known.name)
            }
            return .count(name: known.name, known.count)
        }
        makeRoom(now: now)
        let name = Self.name(of: occurrence.regarding, using: &generator)
        series[occurrence] = Series(name: name, count: 1, last: now, isUnwritten: !isAffordable)
        return isAffordable ? .create(name: name) : .drop
    }

    /// How often it has happened in its series.
    public func count(of occurrence: Occurrence) -> Int { series[occurrence]?.count ?? 0 }

    /// The event of a series is gone from the server, so that the next one is a new event.
    public mutating func forget(_ occurrence: Occurrence) { series[occurrence] = nil }

    private mutating func pay(for object: ObjectReference, now: Duration) -> Bool {
        let perSecond = refill > .zero ? 1 / (refill / .seconds(1)) : 0
        var budget = budgets[object] ?? Budget(bucket: TokenBucket(perSecond: perSecond, burst: burst), last: now)
        // What cannot be paid for at once costs nothing.
        var paid = budget.bucket
        let isAffordable = paid.take(now: now) == .zero
        if isAffordable { budget.bucket = paid }
        budget.last = now
        budgets[object] = budget
        return isAffordable
    }

    /// Forgets what is over, and everything where that is not enough: better a new event than memory without end.
    private mutating func makeRoom(now: Duration) {
        if series.count >= capacity {
            series = series.filter { now - $0.value.last <= window }
            if series.count >= capacity { series = [:] }
        }
        if budgets.count > capacity {
            let full = refill * burst
            budgets = budgets.filter { now - $0.value.last <= full }
            if budgets.count > capacity { budgets = [:] }
        }
    }

    /// The object's name and 16 hexadecimal digits: a DNS name as the API wants it.
    private static func name(
        of object: ObjectReference, using generator: inout some RandomNumberGenerator
    ) -> String {
        let digits = String(UInt64.random(in: 0 ... .max, using: &generator), radix: 16)
        let suffix = String(repeating: "0", count: 16 - digits.utf8.count) + digits
        // Cut names must not end in a dot or a hyphen before the next label.
        var prefix = Array((object.name ?? "").utf8.prefix(253 - 17))
        while let last = prefix.last, last == UInt8(ascii: ".") || last == UInt8(ascii: "-") { prefix.removeLast() }
        return prefix.isEmpty ? suffix : "\(String(decoding: prefix, as: UTF8.self)).\(suffix)"
    }
}

/// Whether something is as it should be.
public enum EventType: String, Sendable, Hashable {
    case normal = "Normal"
    case warning = "Warning"
}

extension String {
    /// The beginning of a text that fits into so many bytes, with an ellipsis where something is missing.
    init(cutting text: String, toBytes limit: Int) {
        guard text.utf8.count > limit else {
            self = text
            return
        }
        let ellipsis = "\u{2026}"
        var bytes = 0
        self = ""
        for scalar in text.unicodeScalars {
            bytes += String(scalar).utf8.count
            if bytes > limit - ellipsis.utf8.count { break }
            unicodeScalars.append(scalar)
        }
        self += ellipsis
    }
}
