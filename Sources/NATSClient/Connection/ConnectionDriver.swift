import Logging
import NIOCore

final class ConnectionDriver: Sendable {
    let configuration: NATSConfiguration
    let eventLoop: any EventLoop
    init(configuration: NATSConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
    }
    var status: NATSStatus { .idle }
    var serverInfo: NATSServerInfo? { nil }
    func statusUpdates() -> AsyncStream<NATSStatus> { AsyncStream { $0.finish() } }
    func onStatusChange(_ body: @escaping @Sendable (NATSStatus) -> Void) {}
    func onLameDuck(_ body: @escaping @Sendable (NATSServerInfo) -> Void) {}
    func start() {}
    func shutdown() {}
    func beginDrain() {}
    func closed() async throws(NATSError) {}
    func waitUntilConnected(timeout: TimeAmount?) async throws(NATSError) {}
    func waitForPendingSpace() async throws(NATSError) {}
    func flush(timeout: TimeAmount) async throws(NATSError) {}
    func newInbox() -> String { "" }
    func publish(
        _ subject: String, reply: String?, headers: NATSHeaders, sizeHint: Int, write: (inout ByteBuffer) -> Void
    ) throws(NATSError) { throw .notConnected }
    func request(
        _ subject: String, payload: ByteBuffer, headers: NATSHeaders, timeout: TimeAmount
    ) async throws(NATSError) -> NATSMessage { throw .notConnected }
    func request(
        _ subject: String, headers: NATSHeaders, sizeHint: Int, timeout: TimeAmount, write: (inout ByteBuffer) -> Void,
        onReply: @escaping @Sendable (Result<NATSMessage, NATSError>) -> Void
    ) throws(NATSError) { throw .notConnected }
    func acknowledge(_ message: NATSMessage, with text: String) throws(NATSError) { throw .notConnected }
    func subscribe(
        _ subject: String, queueGroup: String?, onMessage: @escaping @Sendable (NATSMessage) -> Void,
        onEnd: @escaping @Sendable () -> Void
    ) async throws(NATSError) -> NATSSubscriptionHandle { throw .notConnected }
    func unsubscribe(_ id: UInt64) {}
    func drainSubscription(_ id: UInt64) async throws(NATSError) {}
}
