import NATSClient
import NIOCore
import Settings
import Wire

/// The queue lane a worker serves: one bundle in one pool, with the stream and the durable consumer behind it (worker
/// contract 2.1, 2.2).
package struct WorkLane: Sendable, Equatable {
    /// What the messages of a queue hold. Batches have a stream of their own, which workers that do not know them never
    /// look into.
    package enum Content: Sendable {
        case items
        case batches

        /// The most items that a message holds.
        var largestMessage: Int {
            switch self {
            case .items: 1
            case .batches: WorkItemBatch.maximumItems
            }
        }

        /// How many items a message counts for. Those of a coalesced one stand in its first bytes; a batch, whose items
        /// stand at its end, counts as the largest.
        func itemCount(of message: JetStreamMessage) -> Int {
            guard self == .batches else { return 1 }
            return message.payload.withUnsafeReadableBytes { CoalescedItems.itemCount($0) } ?? largestMessage
        }
    }

    package let bundle: String
    package let pool: String
    package let maxDeliver: Int
    package let streamMaxAge: Duration
    /// Time JetStream waits for an acknowledgement before it hands a message to another worker.
    package let ackWait: Duration
    package private(set) var content = Content.items

    /// Messages of the lane that may be unacknowledged at once, over all its workers.
    package static let maxAckPending = 1000
    /// Messages a stream keeps before it refuses new ones.
    package static let maxMessages = 100_000
    package static let maxBatches = 10_000

    package init(
        bundle: String, pool: String, maxDeliver: Int = 20, streamMaxAge: Duration = .seconds(120),
        ackWait: Duration = .seconds(30)
    ) throws {
        guard Subjects.isValidPool(pool) else {
            throw SettingError(
                "pool '\(pool)' cannot be a queue name: use 1 to 63 letters, digits, '-' or '_' [SIE_POOL]")
        }
        guard Subjects.isValidPool(bundle) else {
            throw SettingError(
                "bundle '\(bundle)' cannot be a queue name: use 1 to 63 letters, digits, '-' or '_' [SIE_BUNDLE]")
        }
        self.bundle = bundle
        self.pool = pool
        self.maxDeliver = maxDeliver
        self.streamMaxAge = streamMaxAge
        self.ackWait = ackWait
    }

    /// The queue of batches beside this one.
    package var batches: WorkLane {
        var lane = self
        lane.content = .batches
        return lane
    }

    package var stream: String {
        switch content {
        case .items: Subjects.workStream(pool: pool)
        case .batches: Subjects.batchStream(pool: pool)
        }
    }
    private var filter: String {
        switch content {
        case .items: Subjects.workFilter(pool: pool)
        case .batches: Subjects.batchFilter(pool: pool)
        }
    }
    package var consumer: String { Subjects.workConsumer(bundle: bundle, pool: pool) }

    /// The stream as a worker creates it where there is none.
    package var streamConfiguration: StreamConfiguration {
        var configuration = StreamConfiguration(name: stream, subjects: [filter])
        configuration.retention = .workQueue
        configuration.storage = .memory
        configuration.discard = .new
        configuration.maxMessages = content == .items ? Self.maxMessages : Self.maxBatches
        configuration.maxAge = streamMaxAge
        return configuration
    }

    package var consumerConfiguration: ConsumerConfiguration {
        var configuration = ConsumerConfiguration(durableName: consumer, filterSubject: filter)
        configuration.ackWait = ackWait
        configuration.maxDeliver = maxDeliver
        configuration.maxAckPending = Self.maxAckPending
        return configuration
    }

    /// What has to be done about a consumer that may exist already.
    package enum ConsumerPlan: Equatable, Sendable {
        case keep
        /// Send these settings; a durable consumer takes them over without losing its place.
        case update(ConsumerConfiguration, changes: [String])
    }

    /// Compares an existing consumer with what this worker wants. Only settings a server lets change are touched.
    package func plan(existing: ConsumerConfiguration) -> ConsumerPlan {
        var updated = existing
        var changes: [String] = []
        if existing.ackWait != ackWait {
            updated.ackWait = ackWait
            changes.append("ack_wait")
        }
        if existing.maxDeliver != maxDeliver {
            updated.maxDeliver = maxDeliver
            changes.append("max_deliver")
        }
        if existing.maxAckPending != Self.maxAckPending {
            updated.maxAckPending = Self.maxAckPending
            changes.append("max_ack_pending")
        }
        return changes.isEmpty ? .keep : .update(updated, changes: changes)
    }

    /// Makes sure stream and consumer are there; safe to repeat, and beside other workers and gateways doing the same.
    func ensure(_ jetStream: JetStream) async throws(NATSError) -> ConsumerPlan {
        let info = try await jetStream.ensureStream(streamConfiguration)
        guard info.config.subjects.contains(filter) else {
            throw .jetStream(
                JetStreamAPIError(
                    code: 400, errorCode: 0,
                    message: "stream \(stream) exists and does not take \(filter)"))
        }
        do throws(NATSError) {
            let existing = try await jetStream.consumerInfo(stream: stream, name: consumer)
            let plan = plan(existing: existing.config)
            if case .update(let configuration, _) = plan {
                try await jetStream.createConsumer(stream: stream, configuration)
            }
            return plan
        } catch .jetStream(let error) where error.errorCode == JetStreamAPIError.consumerNotFound {
            try await jetStream.createConsumer(stream: stream, consumerConfiguration)
            return .keep
        }
    }
}
