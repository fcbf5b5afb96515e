import NIOCore

/// Requests that wait in the gateway for capacity instead of being sent away.
///
/// A value-type state machine: requests are held, and leave exactly once: taken for another try, expired, or removed
/// because their caller hung up. Their number and their bytes are bounded, for each keeps its body.
package struct HeldRequests<Request> {
    package struct Limits: Sendable {
        package var count = 1024
        package var bytes = 256 << 20

        package init() {}
    }

    private struct Held {
        var request: Request
        var deadline: NIODeadline
        var bytes: Int
    }

    private let limits: Limits
    private var held: [UInt64: Held] = [:]
    private var bytes = 0
    private var nextID: UInt64 = 0

    package init(limits: Limits = Limits()) {
        self.limits = limits
    }

    package var count: Int { held.count }
    package var requests: some Sequence<Request> { held.values.lazy.map(\.request) }
    package var isEmpty: Bool { held.isEmpty }

    /// When `expire(at:)` has something to do next; nil when nothing is held.
    package var nextDeadline: NIODeadline? { held.values.lazy.map(\.deadline).min() }

    /// Holds a request until `deadline`.
    ///
    /// - Returns: the id to remove it by; nil where there is no room for it.
    package mutating func hold(_ request: Request, bytes size: Int, until deadline: NIODeadline) -> UInt64? {
        guard held.count < limits.count, size <= limits.bytes - bytes else { return nil }
        nextID += 1
        held[nextID] = Held(request: request, deadline: deadline, bytes: size)
        bytes += size
        return nextID
    }

    /// Capacity may have come: takes every request for which `isReady` says so, the longest waiting first.
    package mutating func take(where isReady: (Request) -> Bool) -> [Request] {
        let ready = held.filter { isReady($0.value.request) }.keys.sorted()
        return ready.compactMap { remove($0) }
    }

    /// Takes the requests whose time is over.
    package mutating func expire(at now: NIODeadline) -> [Request] {
        let over = held.filter { $0.value.deadline <= now }.keys.sorted()
        return over.compactMap { remove($0) }
    }

    /// Takes one request, if it is still held.
    package mutating func remove(_ id: UInt64) -> Request? {
        guard let entry = held.removeValue(forKey: id) else { return nil }
        bytes -= entry.bytes
        return entry.request
    }

    package mutating func removeAll() -> [Request] {
        held.keys.sorted().compactMap { remove($0) }
    }
}
