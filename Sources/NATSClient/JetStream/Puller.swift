import NIOCore

/// Performs what a ``PullStateMachine`` says, on the connection's event loop.
///
/// `@unchecked Sendable`: all that can change is touched on the event loop alone.
final class Puller: @unchecked Sendable {
    let driver: ConnectionDriver
    private let subject: String
    private let configuration: PullConfiguration
    private let onMessage: @Sendable (JetStreamMessage) -> Void
    private let onEvent: @Sendable (PullConsumer.Event) -> Void
    /// The JSON of a pull after its batch size.
    private let requestTail: String

    private var machine: PullStateMachine
    private var inbox = ""
    private var subscription: UInt64?
    private var statusObserver: UInt64?
    private var heartbeatTimer: RepeatedTask?
    private var hasEnded = false

    init(
        driver: ConnectionDriver, subject: String, configuration: PullConfiguration,
        onMessage: @escaping @Sendable (JetStreamMessage) -> Void,
        onEvent: @escaping @Sendable (PullConsumer.Event) -> Void
    ) {
        self.driver = driver
        self.subject = subject
        self.configuration = configuration
        self.onMessage = onMessage
        self.onEvent = onEvent
        self.machine = PullStateMachine(batch: configuration.batch, credit: configuration.initialCredit)
        var tail = ",\"expires\":\(configuration.expires.nanoseconds)"
        if let maxBytes = configuration.maxBytes { tail += ",\"max_bytes\":\(maxBytes)" }
        if let heartbeat = configuration.idleHeartbeat { tail += ",\"idle_heartbeat\":\(heartbeat.nanoseconds)" }
        self.requestTail = tail + "}"
    }
}

// MARK: - From any thread

extension Puller {
    func start() async throws(NATSError) {
        try Subject.validate(subject)
        let error: NATSError? = await withCheckedContinuation { continuation in
            driver.onLoop { _ in continuation.resume(returning: self.begin()) }
        }
        if let error { throw error }
    }

    func requestMore(_ count: Int) {
        driver.onLoopUnlessClosed { _ in self.send(self.machine.requestMore(count)) }
    }

    func setPaused(_ paused: Bool) {
        driver.onLoopUnlessClosed { _ in self.send(self.machine.setPaused(paused)) }
    }

    func stop() { driver.onLoopUnlessClosed { _ in self.end() } }

    /// Stops asking, takes what the server had already sent, and ends.
    func drain() async {
        let subscription: UInt64? = await withCheckedContinuation { continuation in
            driver.onLoop { _ in
                self.send(self.machine.setPaused(true))
                continuation.resume(returning: self.subscription)
            }
        }
        if let subscription { try? await driver.drainSubscription(subscription) }
        stop()
    }
}

// MARK: - On the event loop

extension Puller {
    private func begin() -> NATSError? {
        if let error = subscribe() { return error }
        let observer = driver.newIdentifier()
        statusObserver = observer
        driver.statusObservers[observer] = { [weak self] status in self?.connectionChanged(status) }
        if let heartbeat = configuration.idleHeartbeat {
            let interval = heartbeat * 2
            heartbeatTimer = driver.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) {
                [weak self] _ in
                guard let self else { return }
                react(machine.heartbeatsDue())
            }
        }
        if driver.machine.isConnected { react(machine.connected()) }
        return nil
    }

    /// Subscribes to a fresh inbox. Old pulls know only old inboxes, so nothing comes that was not asked for anew.
    private func subscribe() -> NATSError? {
        if let old = subscription {
            subscription = nil
            driver.remove(old)
        }
        inbox = driver.newInbox()
        let id = driver.newIdentifier()
        let error = driver.add(
            ConnectionDriver.Subscription(
                subject: "\(inbox).*", queueGroup: nil,
                onMessage: { message in self.received(message) },
                onEnd: { self.subscriptionEnded(id) }),
            id: id)
        if error == nil { subscription = id }
        return error
    }

    private func connectionChanged(_ status: NATSStatus) {
        switch status {
        case .connected: react(machine.connected())
        case .reconnecting: react(machine.disconnected())
        case .draining: send(machine.setPaused(true))
        case .closed: end()
        case .idle, .connecting: break
        }
    }

    private func received(_ message: NATSMessage) {
        guard message.layout.status == 0 else { return receivedStatus(message) }
        let pull = machine.messageArrived()
        onMessage(JetStreamMessage(message: message, driver: driver))
        send(pull)
    }

    private func receivedStatus(_ message: NATSMessage) {
        let unused = message.headers["Nats-Pending-Messages"].flatMap { Int($0) }
        let number = UInt64(
            String(decoding: message.subjectBytes.dropFirst(inbox.utf8.count + 1), as: UTF8.self), radix: 16)
        react(
            machine.received(
                status: message.status ?? 0, description: message.statusDescription ?? "", pull: number,
                unused: unused))
    }

    private func react(_ reaction: PullStateMachine.Reaction) {
        guard !hasEnded else { return }
        if reaction.renewsInbox, subscribe() != nil { return end() }
        send(reaction.pull)
        if let event = reaction.event { onEvent(event) }
        if reaction.retriesLater {
            driver.eventLoop.assumeIsolated().scheduleTask(in: configuration.retryDelay) { [weak self] in
                guard let self else { return }
                send(machine.retry())
            }
        }
    }

    private func send(_ pull: PullStateMachine.Pull?) {
        guard let pull, !hasEnded else { return }
        driver.writeConnectionBound(
            subject: subject, replyPrefix: "\(inbox).", replyToken: pull.number,
            payload: "{\"batch\":\(pull.batch)\(requestTail)")
    }

    private func subscriptionEnded(_ id: UInt64) {
        if subscription == id {
            subscription = nil
            end()
        }
    }

    private func end() {
        guard !hasEnded else { return }
        hasEnded = true
        heartbeatTimer?.cancel()
        if let statusObserver { driver.statusObservers.removeValue(forKey: statusObserver) }
        if let subscription {
            self.subscription = nil
            driver.remove(subscription)
        }
        onEvent(.ended)
    }
}
