import NIOCore

/// Keeps pulls outstanding at one consumer of a stream and hands over what arrives; survives reconnects.
public final class PullConsumer: Sendable {
    /// What a consumer's owner may have to act on. The consumer itself goes on trying in every case but ``ended``.
    public enum Event: Sendable, Equatable {
        /// The server refuses pulls: the consumer, the stream or JetStream is missing (503), or a limit is met (409).
        case refused(status: Int, description: String)
        /// The consumer was deleted at the server.
        case consumerDeleted
        /// The heartbeats of a waiting pull stopped; it was made anew.
        case heartbeatsMissed
        /// The connection is gone. What was asked for is asked for again when it is back; a server that lost its memory
        /// has no stream and no consumer then.
        case connectionLost
        /// No more messages will come: the consumer was stopped or the connection closed.
        case ended
    }

    /// The stream pulled from.
    public let stream: String
    /// The consumer's name.
    public let name: String
    let puller: Puller

    init(stream: String, name: String, puller: Puller) {
        self.stream = stream
        self.name = name
        self.puller = puller
    }

    deinit { puller.stop() }

    /// Allows `count` more messages to be asked for (see ``PullConfiguration/initialCredit``). From any thread.
    public func requestMore(_ count: Int) { puller.requestMore(count) }

    /// Stops asking for more; what is already asked for still arrives. From any thread.
    public func pause() { puller.setPaused(true) }

    /// Asks again after ``pause()``.
    public func resume() { puller.setPaused(false) }

    /// Stops: the inbox is unsubscribed, messages under way are delivered again to somebody after their ack wait.
    public func stop() { puller.stop() }

    /// Stops after everything the server had already sent was handed over; returns then. Whoever gives that back lets
    /// another consumer have it at once, where ``stop()`` leaves it to the ack wait.
    public func drain() async { await puller.drain() }
}
