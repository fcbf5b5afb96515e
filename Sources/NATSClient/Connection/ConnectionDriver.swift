import DequeModule
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// Performs what the ``ConnectionStateMachine`` says: channels, timers, the write path and the subscription table.
///
/// `@unchecked Sendable`: everything in the section "loop-bound" is touched on `eventLoop` alone; every entry for other
/// threads goes through the outbox, an atomic, a `Mutex`, or a hop to the loop.
final class ConnectionDriver: @unchecked Sendable {
    typealias PongHandler = (Result<Void, NATSError>) -> Void

    let configuration: NATSConfiguration
    let eventLoop: any EventLoop
    let outbox: Outbox
    let logger: Logger
    /// The prefix of the shared inbox: `_INBOX.<nuid>.`
    let inboxPrefix: String
    private let statusValue = Atomic<UInt8>(NATSStatus.idle.rawValue)
    private let serverInfoValue = Mutex<NATSServerInfo?>(nil)
    private let statusStreams = Mutex<[UInt64: AsyncStream<NATSStatus>.Continuation]>([:])
    private let identifiers = Atomic<UInt64>(1)
    private let inboxNames = Mutex(NUID())

    // MARK: Loop-bound

    var machine: ConnectionStateMachine
    /// The number of the current attempt to connect; events of earlier channels are ignored.
    var attempt: UInt64 = 0
    var handler: ConnectionChannelHandler?
    var tlsContext: NIOSSLContext?
    var attemptTimeout: Scheduled<Void>?
    var backOffTimer: Scheduled<Void>?
    var pingTimer: RepeatedTask?
    var pongHandlers = Deque<PongHandler?>()
    var isReading = false
    /// Operations of this connection alone (SUB, UNSUB, PONG, pulls): lost with it, and sent before what is published.
    var control = ByteBuffer()
    /// PINGs to send after everything else.
    var pingsToSend = 0
    /// An empty buffer to swap for a full one.
    var spare = ByteBuffer()
    var subscriptions: [UInt64: Subscription] = [:]
    var statusObservers: [UInt64: @Sendable (NATSStatus) -> Void] = [:]
    var lameDuckObservers: [@Sendable (NATSServerInfo) -> Void] = []
    var errorObservers: [@Sendable (NATSError) -> Void] = []
    var connectWaiters: [UInt64: CheckedContinuation<NATSError?, Never>] = [:]
    var closeWaiters: [CheckedContinuation<NATSError?, Never>] = []
    /// Why the connection ended; the outer optional is `nil` while it has not.
    var ending: NATSError??
    var isDraining = false

    init(configuration: NATSConfiguration, eventLoop: any EventLoop, logger: Logger) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        self.logger = logger
        self.inboxPrefix = "\(configuration.inboxPrefix).\(NUID.generate())."
        self.outbox = Outbox(
            limitBytes: configuration.pendingBufferLimitBytes,
            buffersWhileDisconnected: configuration.whileDisconnected == .buffer, inboxPrefix: inboxPrefix)
        self.machine = ConnectionStateMachine(configuration: configuration)
    }
}

// MARK: - From any thread

extension ConnectionDriver {
    var status: NATSStatus { NATSStatus(rawValue: statusValue.load(ordering: .acquiring)) ?? .closed }

    var serverInfo: NATSServerInfo? { serverInfoValue.withLock { $0 } }

    /// A number that no other part of this connection has.
    func newIdentifier() -> UInt64 { identifiers.add(1, ordering: .relaxed).newValue }

    func newInbox() -> String { "\(configuration.inboxPrefix).\(inboxNames.withLock { $0.next() })" }

    func start() { onLoop { $0.perform($0.machine.start()) } }

    /// Closes at once.
    func shutdown() { onLoopUnlessClosed { $0.perform($0.machine.close()) } }

    func onStatusChange(_ body: @escaping @Sendable (NATSStatus) -> Void) {
        onLoop { $0.statusObservers[$0.newIdentifier()] = body }
    }

    func onLameDuck(_ body: @escaping @Sendable (NATSServerInfo) -> Void) {
        onLoop { $0.lameDuckObservers.append(body) }
    }

    func onError(_ body: @escaping @Sendable (NATSError) -> Void) {
        onLoop { $0.errorObservers.append(body) }
    }

    func statusUpdates() -> AsyncStream<NATSStatus> {
        let (stream, continuation) = AsyncStream<NATSStatus>.makeStream(bufferingPolicy: .bufferingNewest(64))
        let id = newIdentifier()
        statusStreams.withLock { $0[id] = continuation }
        continuation.onTermination = { [weak self] _ in
            _ = self?.statusStreams.withLock { $0.removeValue(forKey: id) }
        }
        if status == .closed { continuation.finish() }
        return stream
    }

    /// Like ``onLoop(_:)``, unless the connection has ended: its owner may have shut the event loop down by then.
    func onLoopUnlessClosed(_ body: @escaping @Sendable (ConnectionDriver) -> Void) {
        if status != .closed { onLoop(body) }
    }

    /// Runs `body` on the event loop: at once where this is it, otherwise soon.
    func onLoop(_ body: @escaping @Sendable (ConnectionDriver) -> Void) {
        if eventLoop.inEventLoop { body(self) } else { eventLoop.execute { body(self) } }
    }
}

// MARK: - Performing actions, on the event loop

extension ConnectionDriver {
    func perform(_ actions: [ConnectionStateMachine.Action]) {
        eventLoop.preconditionInEventLoop()
        for action in actions { perform(action) }
    }

    private func perform(_ action: ConnectionStateMachine.Action) {
        switch action {
        case .setStatus(let status): setStatus(status)
        case .connect(let server, let securely): connect(to: server, securely: securely)
        case .dropChannel: dropChannel()
        case .startTLS(let server): startTLS(with: server)
        case .authenticate(let server, let info): authenticate(at: server, info)
        case .resume(let info): resume(info)
        case .sendPing: sendPing(nil)
        case .sendPong:
            control.writeStaticString("PONG\r\n")
            flushSoon()
        case .failSent(let error):
            for handler in outbox.disconnected() { handler(.failure(error)) }
        case .backOff(let delay):
            logger.debug("NATS reconnects after a pause", metadata: ["pause_ms": "\(delay.nanoseconds / 1_000_000)"])
            backOffTimer = eventLoop.scheduleTask(in: delay) { self.perform(self.machine.backOffElapsed()) }
        case .announceLameDuck(let info):
            logger.notice("NATS server is about to shut down", metadata: ["server": "\(info.serverName)"])
            for observer in lameDuckObservers { observer(info) }
        case .updateInfo(let info):
            serverInfoValue.withLock { $0 = info }
        case .report(let error):
            logger.warning("NATS connection problem", metadata: ["error": "\(error)"])
            for observer in errorObservers { observer(error) }
        case .terminate(let error):
            terminate(error)
        }
    }

    func setStatus(_ status: NATSStatus) {
        guard statusValue.exchange(status.rawValue, ordering: .acquiringAndReleasing) != status.rawValue else { return }
        logger.debug("NATS connection status", metadata: ["status": "\(status)"])
        for observer in statusObservers.values { observer(status) }
        let streams = statusStreams.withLock { Array($0.values) }
        for stream in streams { stream.yield(status) }
        if status == .closed { for stream in streams { stream.finish() } }
    }

    private func resume(_ info: NATSServerInfo) {
        attemptTimeout?.cancel()
        attemptTimeout = nil
        outbox.connected(to: info)
        control.writeSubscribe(subject: "\(inboxPrefix)*", queueGroup: nil, id: Self.inboxSubscription)
        for (id, subscription) in subscriptions.sorted(by: { $0.key < $1.key }) {
            control.writeSubscribe(subject: subscription.subject, queueGroup: subscription.queueGroup, id: id)
        }
        let interval = configuration.pingInterval
        pingTimer = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            guard let self else { return }
            perform(machine.pingIntervalElapsed())
        }
        setStatus(isDraining ? .draining : .connected)
        resumeWaiters(nil)
        flushSoon()
    }

    private func terminate(_ error: NATSError?) {
        guard ending == nil else { return }
        ending = .some(error)
        backOffTimer?.cancel()
        backOffTimer = nil
        outbox.close()
        for handler in outbox.abandon() { handler(.failure(error ?? .closed)) }
        let ended = subscriptions.values
        subscriptions.removeAll()
        for subscription in ended { subscription.onEnd() }
        resumeWaiters(error ?? .closed)
        // Closures of others end here, so that nothing they hold lives on with this connection.
        statusObservers.removeAll()
        lameDuckObservers.removeAll()
        errorObservers.removeAll()
        let waiters = closeWaiters
        closeWaiters.removeAll()
        for waiter in waiters { waiter.resume(returning: error) }
    }

    private func resumeWaiters(_ error: NATSError?) {
        let waiters = connectWaiters.values
        connectWaiters.removeAll()
        for waiter in waiters { waiter.resume(returning: error) }
    }
}
