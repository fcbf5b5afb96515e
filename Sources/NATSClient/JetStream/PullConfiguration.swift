import NIOCore

/// How a ``PullConsumer`` asks for messages.
public struct PullConfiguration: Sendable, Equatable {
    /// The most messages asked for and not yet delivered. A new pull goes out when half of them have come.
    public var batch = 64
    /// The most bytes per pull; `nil` sets no limit. A message larger than this is never delivered: it is reported as
    /// ``PullConsumer/Event/refused(status:description:)`` (409) at every try.
    public var maxBytes: Int?
    /// How long a pull waits at the server.
    public var expires: TimeAmount = .seconds(30)
    /// How often the server shows that a waiting pull lives; two misses and the pull is made anew. Must be at most half
    /// of ``expires``; `nil` asks for none.
    public var idleHeartbeat: TimeAmount? = .seconds(5)
    /// How many messages may be asked for before ``PullConsumer/requestMore(_:)`` is called; `nil` sets no bound: the
    /// consumer then pulls for ever and ``PullConsumer/requestMore(_:)`` has no effect.
    public var initialCredit: Int?
    /// The wait after a pull that the server refused (consumer missing, JetStream not ready, too many pulls).
    public var retryDelay: TimeAmount = .milliseconds(250)

    /// Batches of 64 with no bound.
    public init(batch: Int = 64, initialCredit: Int? = nil) {
        self.batch = batch
        self.initialCredit = initialCredit
    }
}
