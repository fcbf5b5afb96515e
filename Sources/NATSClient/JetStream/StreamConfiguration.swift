/// How a stream keeps messages. Settings that are `nil` are left to the server.
public struct StreamConfiguration: Sendable, Equatable {
    /// When a stored message may go.
    public enum Retention: String, Sendable, Codable {
        /// When a limit is reached.
        case limits
        /// When every consumer has acknowledged it.
        case interest
        /// When the one consumer of its subject has acknowledged it.
        case workQueue = "workqueue"
    }

    /// Where messages are kept.
    public enum Storage: String, Sendable, Codable {
        /// On disk.
        case file
        /// In the server's memory: lost when it restarts.
        case memory
    }

    /// Which message yields when a limit is reached.
    public enum Discard: String, Sendable, Codable {
        /// The oldest one goes.
        case old
        /// The new one is refused.
        case new
    }

    /// The stream's name.
    public var name: String
    /// The subjects it takes, wildcards allowed.
    public var subjects: [String]
    /// When a stored message may go.
    public var retention: Retention = .limits
    /// Where messages are kept.
    public var storage: Storage = .file
    /// Which message yields when a limit is reached.
    public var discard: Discard = .old
    /// The most messages, -1 for no limit.
    public var maxMessages = -1
    /// The most bytes, -1 for no limit.
    public var maxBytes = -1
    /// The age at which a message goes; `nil` keeps it.
    public var maxAge: Duration?
    /// The largest message in bytes, -1 for no limit.
    public var maxMessageSize = -1
    /// The most messages of one subject, -1 for no limit.
    public var maxMessagesPerSubject = -1
    /// The most consumers, -1 for no limit.
    public var maxConsumers = -1
    /// How many servers of a cluster keep a copy.
    public var replicas = 1
    /// The time in which a second message with the same `Nats-Msg-Id` is dropped; `nil` is the server's default.
    public var duplicateWindow: Duration?
    /// Words for people.
    public var description: String?
    /// Whether messages may be read past consumers (`allow_direct`); `nil` is the server's default.
    public var allowsDirectGet: Bool?

    /// A stream with the server's default settings.
    public init(name: String, subjects: [String]) {
        self.name = name
        self.subjects = subjects
    }
}

extension StreamConfiguration: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, subjects, retention, storage, discard, description
        case maxMessages = "max_msgs"
        case maxBytes = "max_bytes"
        case maxAge = "max_age"
        case maxMessageSize = "max_msg_size"
        case maxMessagesPerSubject = "max_msgs_per_subject"
        case maxConsumers = "max_consumers"
        case replicas = "num_replicas"
        case duplicateWindow = "duplicate_window"
        case allowsDirectGet = "allow_direct"
    }

    /// Reads the `config` of a stream as the server shows it.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            name: try container.decode(String.self, forKey: .name),
            subjects: try container.decodeIfPresent([String].self, forKey: .subjects) ?? [])
        retention = try container.decodeIfPresent(Retention.self, forKey: .retention) ?? .limits
        storage = try container.decodeIfPresent(Storage.self, forKey: .storage) ?? .file
        discard = try container.decodeIfPresent(Discard.self, forKey: .discard) ?? .old
        maxMessages = try container.decodeIfPresent(Int.self, forKey: .maxMessages) ?? -1
        maxBytes = try container.decodeIfPresent(Int.self, forKey: .maxBytes) ?? -1
        maxAge = try container.duration(.maxAge).flatMap { $0 == .zero ? nil : $0 }
        maxMessageSize = try container.decodeIfPresent(Int.self, forKey: .maxMessageSize) ?? -1
        maxMessagesPerSubject = try container.decodeIfPresent(Int.self, forKey: .maxMessagesPerSubject) ?? -1
        maxConsumers = try container.decodeIfPresent(Int.self, forKey: .maxConsumers) ?? -1
        replicas = try container.decodeIfPresent(Int.self, forKey: .replicas) ?? 1
        duplicateWindow = try container.duration(.duplicateWindow)
        description = try container.decodeIfPresent(String.self, forKey: .description)
        allowsDirectGet = try container.decodeIfPresent(Bool.self, forKey: .allowsDirectGet)
    }

    /// Writes the body of a create or update request.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(subjects, forKey: .subjects)
        try container.encode(retention, forKey: .retention)
        try container.encode(storage, forKey: .storage)
        try container.encode(discard, forKey: .discard)
        try container.encode(maxMessages, forKey: .maxMessages)
        try container.encode(maxBytes, forKey: .maxBytes)
        try container.encode(maxAge, nanoseconds: .maxAge)
        try container.encode(maxMessageSize, forKey: .maxMessageSize)
        try container.encode(maxMessagesPerSubject, forKey: .maxMessagesPerSubject)
        try container.encode(maxConsumers, forKey: .maxConsumers)
        try container.encode(replicas, forKey: .replicas)
        try container.encode(duplicateWindow, nanoseconds: .duplicateWindow)
        try container.encodeIfPresent(description, forKey: .description)
        try container.encodeIfPresent(allowsDirectGet, forKey: .allowsDirectGet)
    }
}
