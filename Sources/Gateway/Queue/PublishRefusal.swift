import NATSClient

/// Why work could not be put on the queue.
package enum PublishRefusal: Error, Equatable, Sendable {
    /// There is no NATS at all, by configuration.
    case queueNotConfigured
    /// The broker is not reachable at the moment.
    case queueDisconnected
    case noConsumers
    case backpressure(pendingMessages: Int, threshold: Int)
    /// The broker takes our bytes more slowly than requests bring them.
    case writeBufferFull
    case streamUnavailable(stream: String, detail: String)
    /// One item is larger than the broker accepts in a message.
    case itemTooLarge(itemIndex: Int, bytes: Int, maximumBytes: Int)
    /// The broker said no to a message, or did not confirm it in time.
    case notAcknowledged(detail: String)

    /// Why the connection did not take a message; its size is the caller's to judge.
    init(_ error: NATSError) {
        switch error {
        case .pendingBufferFull: self = .writeBufferFull
        case .notConnected, .disconnected, .closed, .draining: self = .queueDisconnected
        default: self = .notAcknowledged(detail: error.description)
        }
    }

    /// The sentence in the 503 body.
    package var message: String {
        switch self {
        case .queueNotConfigured, .queueDisconnected:
            "Rust gateway is queue-only, but NATS JetStream is unavailable"
        case .noConsumers:
            "Queue publish failed: no consumers available for work stream"
        case .backpressure(let pending, let threshold):
            "Queue publish failed: backpressure: \(pending) pending messages exceeds threshold \(threshold)"
        case .writeBufferFull:
            "Queue publish failed: backpressure: write buffer to NATS is full"
        case .streamUnavailable(let stream, let detail):
            "Queue publish failed: create/get stream \(stream): \(detail)"
        case .itemTooLarge(let index, let bytes, let maximum):
            "Queue publish failed: item \(index) is \(bytes) bytes as a work item; the broker accepts \(maximum)"
        case .notAcknowledged(let detail):
            "Queue publish failed: \(detail)"
        }
    }

    /// Seconds after which trying again is sensible; nil when it is not, or when nobody can say.
    package var retryAfterSeconds: Int? {
        switch self {
        case .noConsumers: 120
        case .backpressure, .writeBufferFull, .queueDisconnected: 5
        case .queueNotConfigured, .streamUnavailable, .itemTooLarge, .notAcknowledged: nil
        }
    }

    /// Machine-readable code. `QUEUE_FULL` and `QUEUE_UNAVAILABLE` are the words newer clients know and wait on.
    package var code: String {
        switch self {
        case .queueNotConfigured, .queueDisconnected: "QUEUE_UNAVAILABLE"
        case .noConsumers: "PROVISIONING"
        case .backpressure, .writeBufferFull: "QUEUE_FULL"
        case .streamUnavailable, .notAcknowledged: "transport_failure"
        case .itemTooLarge: "INPUT_TOO_LONG"
        }
    }

    package var rejectionReason: RejectionReason {
        switch self {
        case .queueNotConfigured, .queueDisconnected: .queueUnavailable
        case .noConsumers: .noConsumers
        case .backpressure, .writeBufferFull: .backpressure
        case .streamUnavailable, .itemTooLarge, .notAcknowledged: .queuePublishFailed
        }
    }

    /// Whether the answer carries the version headers (the contract gives them to publish failures only).
    package var isPublishFailure: Bool {
        switch self {
        case .queueNotConfigured, .queueDisconnected: false
        default: true
        }
    }
}
