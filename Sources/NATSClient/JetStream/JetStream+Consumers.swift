import NIOCore

extension JetStream {
    /// What the server says about a consumer.
    /// - Throws: ``NATSError/jetStream(_:)`` with ``JetStreamAPIError/consumerNotFound`` where there is none.
    public func consumerInfo(stream: String, name: String) async throws(NATSError) -> ConsumerInfo {
        try await call("CONSUMER.INFO.\(stream).\(name)", answer: ConsumerInfo.self)
    }

    /// Creates a consumer, or changes the settings of a durable one that exists.
    @discardableResult
    public func createConsumer(
        stream: String, _ configuration: ConsumerConfiguration
    ) async throws(NATSError) -> ConsumerInfo {
        let endpoint =
            configuration.durableName.map { "CONSUMER.DURABLE.CREATE.\(stream).\($0)" } ?? "CONSUMER.CREATE.\(stream)"
        return try await call(
            endpoint, body: CreateConsumerRequest(streamName: stream, config: configuration), answer: ConsumerInfo.self
        )
    }

    /// Deletes a consumer. Messages it had delivered and not acknowledged stay in the stream.
    public func deleteConsumer(stream: String, name: String) async throws(NATSError) {
        _ = try await call("CONSUMER.DELETE.\(stream).\(name)", answer: Success.self)
    }
}

private struct Success: Decodable {}

private struct CreateConsumerRequest: Encodable {
    var streamName: String
    var config: ConsumerConfiguration

    enum CodingKeys: String, CodingKey {
        case streamName = "stream_name"
        case config
    }
}
