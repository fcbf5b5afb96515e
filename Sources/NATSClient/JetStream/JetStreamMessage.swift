import NIOCore

/// A message delivered by a pull consumer, to be acknowledged.
///
/// Acknowledgements are published like any message: they are batched, never wait, and survive a reconnect.
public struct JetStreamMessage: Sendable {
    /// The message itself.
    public let message: NATSMessage
    let driver: ConnectionDriver

    /// The subject it was published to.
    public var subject: String { message.subject }
    /// The payload: a slice, not a copy.
    public var payload: ByteBuffer { message.payload }
    /// The headers; empty where there are none.
    public var headers: NATSHeaders { message.headers }
    /// What the reply subject says about this delivery; `nil` where it is none of JetStream's.
    public var metadata: JetStreamMetadata? { JetStreamMetadata(replySubject: message.replyBytes) }

    /// Done: the message is not delivered again.
    public func ack() throws(NATSError) { try answer("+ACK") }

    /// Not done: deliver it again, after `delay` where given.
    public func nak(delay: Duration? = nil) throws(NATSError) {
        guard let delay else { return try answer("-NAK") }
        try answer("-NAK {\"delay\": \(delay.wholeNanoseconds)}")
    }

    /// Still at work: the ack wait begins anew.
    public func inProgress() throws(NATSError) { try answer("+WPI") }

    /// Never deliver it again, though it was not done.
    public func term() throws(NATSError) { try answer("+TERM") }

    /// Done, and waits until the server has noted it.
    public func ackConfirmed(timeout: TimeAmount? = nil) async throws(NATSError) {
        guard let reply = message.reply else { throw .notJetStreamMessage }
        _ = try await driver.request(
            reply, payload: ByteBuffer(string: "+ACK"), headers: NATSHeaders(),
            timeout: timeout ?? driver.configuration.requestTimeout)
    }

    private func answer(_ text: String) throws(NATSError) {
        try driver.acknowledge(message, with: text)
    }
}
