/// The way to end a subscription made with a callback.
public struct NATSSubscriptionHandle: Sendable {
    let driver: ConnectionDriver
    let id: UInt64

    /// Ends the subscription: no callback starts after the event loop has seen this.
    public func unsubscribe() { driver.unsubscribe(id) }

    /// Ends the subscription after the messages that the server has already sent.
    public func drain() async throws(NATSError) { try await driver.drainSubscription(id) }
}
