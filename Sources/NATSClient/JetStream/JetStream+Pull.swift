import NIOCore

extension JetStream {
    /// Pulls from an existing consumer and hands each message to `onMessage` on the event loop, which must not block.
    ///
    /// - Parameter onEvent: called on the event loop with what the owner may have to act on.
    /// - Returns: the consumer; pulling stops when it is stopped or dropped.
    public func pull(
        stream: String, consumer: String, configuration: PullConfiguration = PullConfiguration(),
        onEvent: @escaping @Sendable (PullConsumer.Event) -> Void = { _ in },
        onMessage: @escaping @Sendable (JetStreamMessage) -> Void
    ) async throws(NATSError) -> PullConsumer {
        let puller = Puller(
            driver: connection.driver, subject: "\(apiPrefix).CONSUMER.MSG.NEXT.\(stream).\(consumer)",
            configuration: configuration, onMessage: onMessage, onEvent: onEvent)
        try await puller.start()
        return PullConsumer(stream: stream, name: consumer, puller: puller)
    }

    /// Pulls from an existing consumer and buffers at most one batch for a task that reads.
    public func messages(
        stream: String, consumer: String, configuration: PullConfiguration = PullConfiguration()
    ) async throws(NATSError) -> PulledMessages {
        var bounded = configuration
        bounded.initialCredit = configuration.batch
        let messages = PulledMessages.Buffer(batch: configuration.batch)
        let consumer = try await pull(
            stream: stream, consumer: consumer, configuration: bounded,
            onEvent: { if $0 == .ended { messages.finish() } },
            onMessage: { messages.append($0.message) })
        messages.attach(consumer.puller)
        return PulledMessages(consumer: consumer, buffer: messages)
    }
}
