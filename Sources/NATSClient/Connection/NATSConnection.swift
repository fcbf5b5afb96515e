import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// A connection to a NATS server or cluster that mends itself.
///
/// As a `Service` it connects in ``run()`` and drains on graceful shutdown; without a `ServiceGroup`, ``start()`` and
/// ``close()`` do the same. Everything else may be called from any thread at any time: publishing never waits, it
/// appends to one buffer that the connection's event loop writes out in batches.
public final class NATSConnection: Service, Sendable {
    let driver: ConnectionDriver

    /// A connection on an event loop of its caller's choice, so that a handler on that loop publishes without a hop.
    public init(configuration: NATSConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.driver = ConnectionDriver(configuration: configuration, eventLoop: eventLoop, logger: logger)
    }

    /// A connection on the next event loop of a group.
    public convenience init(
        configuration: NATSConfiguration,
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
        logger: Logger
    ) {
        self.init(configuration: configuration, eventLoop: eventLoopGroup.next(), logger: logger)
    }

    deinit {
        // A connection that was never started holds nothing, and its loop may be gone already.
        if driver.status != .idle { driver.shutdown() }
    }

    /// The loop on which callbacks run.
    public var eventLoop: any EventLoop { driver.eventLoop }

    /// What the connection was configured with.
    public var configuration: NATSConfiguration { driver.configuration }

    /// Where the connection stands right now.
    public var status: NATSStatus { driver.status }

    /// What the current (or last) server says about itself; `nil` before the first connect.
    public var serverInfo: NATSServerInfo? { driver.serverInfo }

    /// Every later change of ``status``; each caller gets a sequence of its own, which ends when the connection closes.
    public var statusUpdates: AsyncStream<NATSStatus> { driver.statusUpdates() }

    /// Calls `body` on the event loop at every later change of ``status``, before anything else happens in the new status.
    public func onStatusChange(_ body: @escaping @Sendable (NATSStatus) -> Void) {
        driver.onStatusChange(body)
    }

    /// Calls `body` on the event loop with problems that no call reports: `-ERR` of the server (a subject that may not be
    /// used, say), and connects that failed.
    public func onError(_ body: @escaping @Sendable (NATSError) -> Void) {
        driver.onError(body)
    }

    /// Calls `body` on the event loop when a server announces that it is about to shut down (lame duck mode).
    ///
    /// The server keeps serving for a while, then closes; the connection moves to another server by itself.
    public func onLameDuck(_ body: @escaping @Sendable (NATSServerInfo) -> Void) {
        driver.onLameDuck(body)
    }
}

// MARK: - Life

extension NATSConnection {
    /// Connects, and stays connected until the task is cancelled (closes) or shut down gracefully (drains, then closes).
    /// - Throws: ``NATSError`` where the connection ends by itself, see ``NATSReconnectPolicy``.
    public func run() async throws {
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                driver.start()
                try await driver.closed()
            } onGracefulShutdown: {
                self.driver.beginDrain()
            }
        } onCancel: {
            self.driver.shutdown()
        }
    }

    /// Starts connecting. With ``NATSReconnectPolicy/retriesInitialConnect`` it returns at once; otherwise it returns when
    /// connected.
    /// - Throws: ``NATSError`` where the first connect fails and is not to be retried.
    public func start() async throws {
        driver.start()
        guard !configuration.reconnect.retriesInitialConnect else { return }
        try await waitUntilConnected()
    }

    /// Waits until the connection is up.
    /// - Throws: ``NATSError/timeout``, ``NATSError/closed``, or why the connection ended.
    public func waitUntilConnected(timeout: TimeAmount? = nil) async throws {
        try await driver.waitUntilConnected(timeout: timeout)
    }

    /// Sends what is pending, finishes deliveries under way, and closes: subscriptions end after their last message.
    public func drain() async {
        driver.beginDrain()
        _ = try? await driver.closed()
    }

    /// Closes at once. Pending requests fail with ``NATSError/closed``, subscriptions end.
    public func close() async {
        driver.shutdown()
        _ = try? await driver.closed()
    }

    /// Waits until the server has seen everything published before: a PING after it, and its PONG.
    /// - Throws: ``NATSError/timeout``, ``NATSError/notConnected``, ``NATSError/disconnected`` or ``NATSError/closed``.
    public func flush(timeout: TimeAmount? = nil) async throws(NATSError) {
        try await driver.flush(timeout: timeout ?? configuration.requestTimeout)
    }
}

// MARK: - Publishing

extension NATSConnection {
    /// Publishes a message. It is sent with the next batch of the event loop.
    /// - Throws: ``NATSError/pendingBufferFull(limitBytes:)``, ``NATSError/maxPayloadExceeded(sizeBytes:limitBytes:)``,
    ///   ``NATSError/notConnected`` (by configuration), ``NATSError/draining``, ``NATSError/closed``,
    ///   ``NATSError/invalidSubject(_:)`` or ``NATSError/invalidHeader(_:)``. Nothing was sent then.
    public func publish(
        _ subject: String, payload: ByteBuffer, reply: String? = nil, headers: NATSHeaders = NATSHeaders()
    ) throws(NATSError) {
        try driver.publish(subject, reply: reply, headers: headers, sizeHint: payload.readableBytes) {
            $0.writeImmutableBuffer(payload)
        }
    }

    /// Publishes a message whose payload the caller writes straight into the connection's send buffer.
    ///
    /// - Parameters:
    ///   - sizeHint: about how many bytes `write` appends; room for them is made at once.
    ///   - write: appends the payload. It runs under the connection's lock, so it must neither block nor call this
    ///     connection; what stood in the buffer before must be left alone.
    public func publish(
        _ subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders(), sizeHint: Int,
        write: (inout ByteBuffer) -> Void
    ) throws(NATSError) {
        try driver.publish(subject, reply: reply, headers: headers, sizeHint: sizeHint, write: write)
    }

    /// Publishes a message, waiting for room where the pending buffer is full.
    public func publishWaiting(
        _ subject: String, payload: ByteBuffer, reply: String? = nil, headers: NATSHeaders = NATSHeaders()
    ) async throws {
        while true {
            do throws(NATSError) {
                return try publish(subject, payload: payload, reply: reply, headers: headers)
            } catch .pendingBufferFull {
                try await driver.waitForPendingSpace()
            }
        }
    }
}

// MARK: - Subscribing

extension NATSConnection {
    /// Subscribes, to read the messages as a sequence.
    /// - Parameters:
    ///   - subject: may hold the wildcards `*` (one token) and `>` (all further tokens).
    ///   - queueGroup: members of one group share the messages.
    ///   - slowConsumerPolicy: which message yields when the reader is slower than the sender.
    public func subscribe(
        _ subject: String, queueGroup: String? = nil,
        slowConsumerPolicy: NATSSubscription.SlowConsumerPolicy = .dropNewest
    ) async throws(NATSError) -> NATSSubscription {
        let messages = MessageQueue(limit: configuration.subscriptionBufferMessages, policy: slowConsumerPolicy)
        let handle = try await driver.subscribe(
            subject, queueGroup: queueGroup, onMessage: { messages.append($0) }, onEnd: { messages.finish() })
        return NATSSubscription(subject: subject, handle: handle, messages: messages)
    }

    /// Subscribes with a callback on the event loop: no task, no queue. The callback must not block.
    ///
    /// The subscription lives until it is unsubscribed or the connection closes, whether or not the handle is kept.
    @discardableResult
    public func subscribe(
        _ subject: String, queueGroup: String? = nil, onMessage: @escaping @Sendable (NATSMessage) -> Void
    ) async throws(NATSError) -> NATSSubscriptionHandle {
        try await driver.subscribe(subject, queueGroup: queueGroup, onMessage: onMessage, onEnd: {})
    }

    /// A fresh subject that nobody else uses, for answers.
    public func newInbox() -> String { driver.newInbox() }
}

// MARK: - Requests

extension NATSConnection {
    /// Sends a request and waits for the first answer. All requests share one inbox subscription.
    /// - Throws: ``NATSError/noResponders``, ``NATSError/timeout``, ``NATSError/disconnected``, and what
    ///   ``publish(_:payload:reply:headers:)`` throws.
    public func request(
        _ subject: String, payload: ByteBuffer = ByteBuffer(), headers: NATSHeaders = NATSHeaders(),
        timeout: TimeAmount? = nil
    ) async throws(NATSError) -> NATSMessage {
        try await driver.request(
            subject, payload: payload, headers: headers, timeout: timeout ?? configuration.requestTimeout)
    }

    /// Sends a request whose answer, or failure, is handed to `onReply` on the event loop, exactly once.
    ///
    /// Where this throws, nothing was sent and `onReply` is not called.
    public func request(
        _ subject: String, headers: NATSHeaders = NATSHeaders(), sizeHint: Int, timeout: TimeAmount? = nil,
        write: (inout ByteBuffer) -> Void, onReply: @escaping @Sendable (Result<NATSMessage, NATSError>) -> Void
    ) throws(NATSError) {
        try driver.request(
            subject, headers: headers, sizeHint: sizeHint, timeout: timeout ?? configuration.requestTimeout,
            write: write, onReply: onReply)
    }
}
