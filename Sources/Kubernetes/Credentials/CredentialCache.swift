/// When credentials are still good and when they are to be loaded: a value, driven by ``Credentials``.
package struct CredentialCache<Value: Sendable & Equatable>: Sendable {
    /// What to do for somebody who wants credentials.
    package enum Step: Sendable, Equatable {
        case use(Value)
        case load
    }

    /// How long before their end credentials are replaced.
    private static var marginSeconds: Double { 10 }

    private var value: Value?
    /// When to load again.
    private var refreshTime: Double?
    /// When the value stops working; nil for never.
    private var expiry: Double?

    package init() {}

    /// - Parameter now: in seconds since 1970.
    package func step(now: Double) -> Step {
        guard let value else { return .load }
        if let refreshTime, now >= refreshTime { return .load }
        return .use(value)
    }

    /// Takes what was loaded.
    ///
    /// - Parameters:
    ///   - expiry: when it stops working.
    ///   - lifetimeSeconds: after how long to look again, whether it has an end or not.
    package mutating func loaded(_ value: Value, expiry: Double?, lifetimeSeconds: Double?, now: Double) {
        self.value = value
        self.expiry = expiry
        refreshTime = [expiry.map { $0 - Self.marginSeconds }, lifetimeSeconds.map { now + $0 }].compactMap(\.self)
            .min()
    }

    /// Loading failed.
    ///
    /// - Returns: what may still be used, until the next try in a few seconds.
    package mutating func loadFailed(now: Double) -> Value? {
        guard let value else { return nil }
        if let expiry, now >= expiry { return nil }
        refreshTime = now + Self.marginSeconds
        return value
    }

    /// The server refused what was sent; a later value is kept.
    package mutating func refused(_ refused: Value) {
        if value == refused { value = nil }
    }
}
