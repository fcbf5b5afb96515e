import NATSClient

/// The stream that keeps dead letters for a day (gateway contract 4.2).
package enum DeadLetterStream {
    package static let name = "DEAD_LETTERS"

    package static var configuration: StreamConfiguration {
        var stream = StreamConfiguration(name: name, subjects: ["sie.dlq.>"])
        stream.retention = .limits
        stream.storage = .memory
        stream.maxAge = .seconds(86_400)
        return stream
    }
}
