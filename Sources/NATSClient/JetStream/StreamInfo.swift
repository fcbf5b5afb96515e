/// What a server says about a stream.
public struct StreamInfo: Sendable, Equatable, Decodable {
    /// How full the stream is.
    public struct State: Sendable, Equatable, Decodable {
        /// Stored messages.
        public var messages: UInt64
        /// Stored bytes.
        public var bytes: UInt64
        /// The sequence of the first stored message.
        public var firstSequence: UInt64
        /// The sequence of the last message ever stored.
        public var lastSequence: UInt64
        /// How many consumers the stream has.
        public var consumerCount: Int

        private enum CodingKeys: String, CodingKey {
            case messages, bytes
            case firstSequence = "first_seq"
            case lastSequence = "last_seq"
            case consumerCount = "consumer_count"
        }
    }

    /// The settings in force.
    public var config: StreamConfiguration
    /// When it was created, RFC 3339.
    public var created: String
    /// How full it is.
    public var state: State
}
