/// How a consumer hands out the messages of a stream. Settings that are `nil` are left to the server.
///
/// Only settings that nats-server 2.9 knows are here, so that a consumer means the same on every server in use.
public struct ConsumerConfiguration: Sendable, Equatable {
    /// Where a new consumer begins.
    public enum DeliverPolicy: String, Sendable, Codable {
        /// With the first message stored.
        case all
        /// With the last message stored.
        case last
        /// With the next message to come.
        case new
        /// With the last message of each subject.
        case lastPerSubject = "last_per_subject"
    }

    /// What acknowledges a message.
    public enum AckPolicy: String, Sendable, Codable {
        /// Nothing has to.
        case none
        /// An acknowledgement covers all messages before it.
        case all
        /// Each message needs its own.
        case explicit
    }

    /// The durable name; a consumer without one goes when nobody uses it.
    public var durableName: String?
    /// Words for people.
    public var description: String?
    /// Where a new consumer begins.
    public var deliverPolicy: DeliverPolicy = .all
    /// What acknowledges a message.
    public var ackPolicy: AckPolicy = .explicit
    /// The time after which an unacknowledged message is delivered again.
    public var ackWait: Duration?
    /// How often a message is delivered at most, -1 for no limit.
    public var maxDeliver = -1
    /// The subjects of the stream that the consumer wants; `nil` wants all.
    public var filterSubject: String?
    /// How many messages may wait for their acknowledgement.
    public var maxAckPending: Int?
    /// How many pulls may wait at the server.
    public var maxWaiting: Int?
    /// The largest batch a pull may ask for.
    public var maxRequestBatch: Int?
    /// The longest time a pull may wait.
    public var maxRequestExpires: Duration?
    /// The time without use after which the server removes the consumer.
    public var inactiveThreshold: Duration?
    /// Whether the consumer's state is kept in memory, whatever the stream's storage.
    public var memoryStorage: Bool?

    /// A consumer with explicit acknowledgement.
    public init(durableName: String? = nil, filterSubject: String? = nil) {
        self.durableName = durableName
        self.filterSubject = filterSubject
    }
}

extension ConsumerConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case description
        case durableName = "durable_name"
        case deliverPolicy = "deliver_policy"
        case ackPolicy = "ack_policy"
        case ackWait = "ack_wait"
        case maxDeliver = "max_deliver"
        case filterSubject = "filter_subject"
        case replayPolicy = "replay_policy"
        case maxAckPending = "max_ack_pending"
        case maxWaiting = "max_waiting"
        case maxRequestBatch = "max_batch"
        case maxRequestExpires = "max_expires"
        case inactiveThreshold = "inactive_threshold"
        case memoryStorage = "mem_storage"
    }

    /// Reads the `config` of a consumer as the server shows it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            durableName: try container.decodeIfPresent(String.self, forKey: .durableName),
            filterSubject: try container.decodeIfPresent(String.self, forKey: .filterSubject))
        description = try container.decodeIfPresent(String.self, forKey: .description)
        deliverPolicy = try container.decodeIfPresent(DeliverPolicy.self, forKey: .deliverPolicy) ?? .all
        ackPolicy = try container.decodeIfPresent(AckPolicy.self, forKey: .ackPolicy) ?? .none
        ackWait = try container.duration(.ackWait)
        maxDeliver = try container.decodeIfPresent(Int.self, forKey: .maxDeliver) ?? -1
        maxAckPending = try container.decodeIfPresent(Int.self, forKey: .maxAckPending)
        maxWaiting = try container.decodeIfPresent(Int.self, forKey: .maxWaiting)
        maxRequestBatch = try container.decodeIfPresent(Int.self, forKey: .maxRequestBatch)
        maxRequestExpires = try container.duration(.maxRequestExpires)
        inactiveThreshold = try container.duration(.inactiveThreshold)
        memoryStorage = try container.decodeIfPresent(Bool.self, forKey: .memoryStorage)
    }

    /// Writes the `config` of a create request.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(durableName, forKey: .durableName)
        try container.encodeIfPresent(description, forKey: .description)
        try container.encode(deliverPolicy, forKey: .deliverPolicy)
        try container.encode(ackPolicy, forKey: .ackPolicy)
        try container.encode(ackWait, nanoseconds: .ackWait)
        try container.encode(maxDeliver, forKey: .maxDeliver)
        try container.encodeIfPresent(filterSubject, forKey: .filterSubject)
        try container.encode("instant", forKey: .replayPolicy)
        try container.encodeIfPresent(maxAckPending, forKey: .maxAckPending)
        try container.encodeIfPresent(maxWaiting, forKey: .maxWaiting)
        try container.encodeIfPresent(maxRequestBatch, forKey: .maxRequestBatch)
        try container.encode(maxRequestExpires, nanoseconds: .maxRequestExpires)
        try container.encode(inactiveThreshold, nanoseconds: .inactiveThreshold)
        try container.encodeIfPresent(memoryStorage, forKey: .memoryStorage)
    }
}
