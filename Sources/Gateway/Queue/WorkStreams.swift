import NIOCore

/// What the gateway knows about the work stream of each pool: whether it exists, and how full it is.
///
/// A value-type state machine. `admit` decides without any I/O whether a request may publish now; when it has to wait
/// for a stream to be looked up or created, the request is parked here and handed back by `ensured`. Samples arrive
/// from a monitor; between samples the count moves with what this gateway publishes and what it has answers to.
package struct WorkStreams<Parked> {
    package enum Admission: Equatable, Sendable {
        case publish
        /// Parked. `lookUp` is true for the first one: the caller starts the look-up.
        case parked(lookUp: Bool)
        case refused(PublishRefusal)
    }

    package struct Sample: Equatable, Sendable {
        package var messages: Int
        package var consumers: Int

        package init(messages: Int, consumers: Int) {
            self.messages = messages
            self.consumers = consumers
        }
    }

    private enum State {
        case ensuring([Parked])
        case ready(Sample, lastUsed: NIODeadline)
        /// The look-up failed; the same answer is given until `until`, so that a burst of requests for a pool that
        /// does not exist costs the broker one request a second.
        case failed(PublishRefusal, until: NIODeadline)
    }

    /// Streams tracked at once; pool names come from callers, so there must be a bound.
    package static var maximumTracked: Int { 1024 }
    /// How long a failed look-up is believed.
    package static var failureMemory: TimeAmount { .seconds(1) }
    /// A stream nobody published to for this long is no longer sampled.
    package static var idleAfter: TimeAmount { .seconds(60) }

    private var pools: [String: State] = [:]
    private let maximumPending: Int

    /// - Parameter maximumPending: stored messages above which publishing is refused.
    package init(maximumPending: Int) {
        self.maximumPending = maximumPending
    }

    package mutating func admit(
        pool: String, itemCount: Int, at now: NIODeadline, parking request: @autoclosure () -> Parked
    ) -> Admission {
        let entry = pools.index(forKey: pool)
        let state = entry.map { pools.values[$0] }
        if let entry, case .ready(var sample, let lastUsed)? = state, now - lastUsed < Self.idleAfter {
            // In place: every request comes by here.
            defer { pools.values[entry] = .ready(sample, lastUsed: now) }
            guard sample.consumers > 0 else { return .refused(.noConsumers) }
            guard sample.messages <= maximumPending else {
                return .refused(.backpressure(pendingMessages: sample.messages, threshold: maximumPending))
            }
            sample.messages += itemCount
            return .publish
        }
        switch state {
        case .ensuring(var parked):
            pools[pool] = nil
            parked.append(request())
            pools[pool] = .ensuring(parked)
            return .parked(lookUp: false)
        case .failed(let refusal, let until) where now < until:
            return .refused(refusal)
        case .ready, .failed, nil:
            if pools[pool] == nil, pools.count >= Self.maximumTracked { forgetIdle(at: now) }
            guard pools.count < Self.maximumTracked || pools[pool] != nil else {
                return .refused(.streamUnavailable(stream: "WORK_POOL_\(pool)", detail: "too many pools in use"))
            }
            pools[pool] = .ensuring([request()])
            return .parked(lookUp: true)
        }
    }

    /// The look-up of `pool` ended; returns the requests that waited for it, to be admitted again.
    package mutating func ensured(
        pool: String, _ result: Result<Sample, PublishRefusal>, at now: NIODeadline
    ) -> [Parked] {
        guard case .ensuring(let parked)? = pools[pool] else { return [] }
        switch result {
        case .success(let sample): pools[pool] = .ready(sample, lastUsed: now)
        case .failure(let refusal): pools[pool] = .failed(refusal, until: now + Self.failureMemory)
        }
        return parked
    }

    /// Items of a pool were done: whoever publishes as fast as they are done must not be refused for it.
    package mutating func answered(pool: String, itemCount: Int) {
        guard let entry = pools.index(forKey: pool), case .ready(var sample, let lastUsed) = pools.values[entry] else {
            return
        }
        sample.messages = max(0, sample.messages - itemCount)
        pools.values[entry] = .ready(sample, lastUsed: lastUsed)
    }

    /// A fresh sample of an existing stream.
    package mutating func sampled(pool: String, _ sample: Sample) {
        guard case .ready(_, let lastUsed)? = pools[pool] else { return }
        pools[pool] = .ready(sample, lastUsed: lastUsed)
    }

    /// The stream turned out to be gone (deleted, or lost with the memory of a restarted broker).
    package mutating func lost(pool: String) {
        guard case .ready? = pools[pool] else { return }
        pools[pool] = nil
    }

    /// The connection was lost: memory streams may be gone when it returns. Returns every parked request.
    package mutating func disconnected() -> [Parked] {
        defer { pools.removeAll() }
        return pools.values.flatMap { state -> [Parked] in
            if case .ensuring(let parked) = state { parked } else { [] }
        }
    }

    /// Pools worth sampling: ready and used lately.
    package func active(at now: NIODeadline) -> [String] {
        pools.compactMap { pool, state in
            if case .ready(_, let lastUsed) = state, now - lastUsed < Self.idleAfter { pool } else { nil }
        }
    }

    private mutating func forgetIdle(at now: NIODeadline) {
        pools = pools.filter { _, state in
            switch state {
            case .ensuring: true
            case .ready(_, let lastUsed): now - lastUsed < Self.idleAfter
            case .failed(_, let until): now < until
            }
        }
    }
}
