/// What a server says about a consumer.
public struct ConsumerInfo: Sendable, Equatable, Decodable {
    /// A pair of sequences: how far the consumer is, and where that is in the stream.
    public struct SequenceInfo: Sendable, Equatable, Decodable {
        /// The consumer's own count.
        public var consumerSequence: UInt64
        /// The sequence in the stream.
        public var streamSequence: UInt64

        private enum CodingKeys: String, CodingKey {
            case consumerSequence = "consumer_seq"
            case streamSequence = "stream_seq"
        }
    }

    /// The stream.
    public var streamName: String
    /// The consumer's name.
    public var name: String
    /// The settings in force.
    public var config: ConsumerConfiguration
    /// How far messages were delivered.
    public var delivered: SequenceInfo
    /// Up to where every message is acknowledged.
    public var ackFloor: SequenceInfo
    /// Messages delivered and not yet acknowledged.
    public var ackPendingCount: Int
    /// Messages delivered more than once and not yet acknowledged.
    public var redeliveredCount: Int
    /// Pulls that wait at the server.
    public var waitingCount: Int
    /// Messages not delivered yet.
    public var pendingCount: UInt64

    private enum CodingKeys: String, CodingKey {
        case name, config, delivered
        case streamName = "stream_name"
        case ackFloor = "ack_floor"
        case ackPendingCount = "num_ack_pending"
        case redeliveredCount = "num_redelivered"
        case waitingCount = "num_waiting"
        case pendingCount = "num_pending"
    }
}
