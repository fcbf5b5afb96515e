/// A stream's word that it stored a message.
public struct PubAck: Sendable, Hashable {
    /// The stream that stored it.
    public var stream: String
    /// The sequence it got.
    public var sequence: UInt64
    /// Whether it was already stored under the same `Nats-Msg-Id`; ``sequence`` is then that of the first.
    public var isDuplicate: Bool

    /// An acknowledgement by its parts.
    public init(stream: String, sequence: UInt64, isDuplicate: Bool = false) {
        self.stream = stream
        self.sequence = sequence
        self.isDuplicate = isDuplicate
    }
}
