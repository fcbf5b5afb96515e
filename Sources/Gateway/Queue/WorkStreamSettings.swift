import NATSClient
import Wire

/// The settings of a pool's work stream.
package enum WorkStreamSettings {
    /// What a broker accepts in one message unless it says otherwise.
    package static let usualPayloadLimitBytes = 1 << 20

    /// Exactly what a 0.3.1 worker creates: the first creator fixes the settings, and a worker whose own differ would be
    /// refused by the server and could not start. New messages are refused when the stream is full, so that queued work
    /// is never lost silently.
    package static func configuration(pool: String) -> StreamConfiguration {
        var stream = StreamConfiguration(
            name: Subjects.workStream(pool: pool), subjects: [Subjects.workFilter(pool: pool)])
        stream.retention = .workQueue
        stream.storage = .memory
        stream.discard = .new
        stream.maxMessages = 100_000
        stream.maxAge = .seconds(120)
        stream.replicas = 1
        return stream
    }
}
