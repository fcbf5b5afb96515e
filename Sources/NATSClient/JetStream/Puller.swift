import NIOCore

final class Puller: Sendable {
    let driver: ConnectionDriver
    init(
        driver: ConnectionDriver, subject: String, configuration: PullConfiguration,
        onMessage: @escaping @Sendable (JetStreamMessage) -> Void,
        onEvent: @escaping @Sendable (PullConsumer.Event) -> Void
    ) { self.driver = driver }
    func start() async throws(NATSError) { throw .notConnected }
    func requestMore(_ count: Int) {}
    func setPaused(_ paused: Bool) {}
    func stop() {}
}
