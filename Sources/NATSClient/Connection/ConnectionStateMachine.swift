import NIOCore

/// The life of a connection without its I/O: it is fed what happened and returns what to do.
///
/// ```
/// idle -> connecting -> awaitingInfo -> [securing] -> authenticating -> connected
///            ^  |             any failure or loss             |             |
///            |  +---------------------<-----------------------+------<------+
///            +---- backingOff (when the round through the pool is over)
/// ```
package struct ConnectionStateMachine {
    package enum State: Equatable {
        case idle
        case backingOff
        case connecting(NATSServerAddress)
        case awaitingInfo(NATSServerAddress, isSecure: Bool)
        case securing(NATSServerAddress, NATSServerInfo)
        case authenticating(NATSServerAddress, NATSServerInfo)
        case connected(NATSServerAddress, NATSServerInfo)
        case closed
    }

    package enum Action: Equatable {
        case setStatus(NATSStatus)
        /// Open a channel; with TLS before anything else where `securely`.
        case connect(NATSServerAddress, securely: Bool)
        /// Give up the channel, if there is one; nothing it still does concerns the machine.
        case dropChannel
        /// Encrypt the channel.
        case startTLS(NATSServerAddress)
        /// Send CONNECT and PING.
        case authenticate(NATSServerAddress, NATSServerInfo)
        /// The connection is up: subscribe again and send what waits.
        case resume(NATSServerInfo)
        case sendPing
        case sendPong
        /// What was sent and not answered fails with this.
        case failSent(NATSError)
        case backOff(TimeAmount)
        case announceLameDuck(NATSServerInfo)
        case updateInfo(NATSServerInfo)
        case report(NATSError)
        /// The connection has ended; with an error where it did so by itself.
        case terminate(NATSError?)
    }

    package private(set) var state = State.idle
    package private(set) var pool: ServerPool
    private let policy: NATSReconnectPolicy
    private let tlsMode: NATSTLSConfiguration.Mode?
    private let maxOutstandingPings: Int
    private let learnsServers: Bool
    private let random: @Sendable () -> Double

    private var failedRounds = 0
    private var hasBeenConnected = false
    private var authenticationErrors = 0
    private var outstandingPings = 0
    private var lastFailure = NATSError.notConnected

    /// - Parameter random: a number from 0 up to 1, for the jitter.
    package init(
        configuration: NATSConfiguration, random: @escaping @Sendable () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.pool = ServerPool(
            configuration.randomizeServers ? configuration.servers.shuffled() : configuration.servers)
        self.policy = configuration.reconnect
        self.tlsMode = configuration.tls?.mode
        self.maxOutstandingPings = configuration.maxOutstandingPings
        self.learnsServers = configuration.learnsServers
        self.random = random
    }

    package var isConnected: Bool {
        if case .connected = state { true } else { false }
    }
}

// MARK: - Events of the owner

extension ConnectionStateMachine {
    package mutating func start() -> [Action] {
        guard state == .idle else { return [] }
        return [.setStatus(.connecting)] + connectToNext()
    }

    package mutating func close() -> [Action] {
        terminate(nil)
    }

    package mutating func backOffElapsed() -> [Action] {
        guard state == .backingOff else { return [] }
        pool.beginRound()
        return connectToNext()
    }

    /// The interval between PINGs is over.
    package mutating func pingIntervalElapsed() -> [Action] {
        guard isConnected else { return [] }
        outstandingPings += 1
        guard outstandingPings <= maxOutstandingPings else {
            return failed(.connectFailed("the server does not answer PING"))
        }
        return [.sendPing]
    }
}

// MARK: - Events of the channel

extension ConnectionStateMachine {
    package mutating func channelOpened() -> [Action] {
        guard case .connecting(let server) = state else { return [] }
        state = .awaitingInfo(server, isSecure: tlsMode == .first)
        return []
    }

    /// The channel could not be opened or secured, took too long, broke, or was closed by the server.
    package mutating func failed(_ error: NATSError) -> [Action] {
        switch state {
        case .idle, .backingOff, .closed:
            return []
        case .connecting, .awaitingInfo, .securing, .authenticating:
            // An error that the server gave before it closed says more than the closing.
            if error != .disconnected || lastFailure == .notConnected { lastFailure = error }
            if let end = endAfterAuthenticationErrors() { return end }
            return [.dropChannel] + connectToNext()
        case .connected(let server, let info):
            lastFailure = error
            failedRounds = 0
            outstandingPings = 0
            pool.beginRound(preferring: info.isLameDuck ? nil : server)
            if let end = endAfterAuthenticationErrors() { return end }
            return [.dropChannel, .setStatus(.reconnecting), .failSent(.disconnected)] + connectToNext()
        }
    }

    package mutating func received(_ info: NATSServerInfo) -> [Action] {
        switch state {
        case .awaitingInfo(let server, let isSecure):
            learn(info, from: server)
            let wantsTLS = server.requiresTLS || info.requiresTLS || tlsMode == .required
            let takesTLS = wantsTLS || (tlsMode == .whenOffered && info.offersTLS)
            if isSecure || !takesTLS {
                state = .authenticating(server, info)
                return [.updateInfo(info), .authenticate(server, info)]
            }
            guard info.requiresTLS || info.offersTLS else {
                return failed(.tls("\(server) offers none, but it is required"))
            }
            state = .securing(server, info)
            return [.updateInfo(info), .startTLS(server)]
        case .securing(let server, _):
            return failed(.protocolViolation("\(server) sent INFO twice before TLS"))
        case .authenticating(let server, _):
            learn(info, from: server)
            state = .authenticating(server, info)
            return [.updateInfo(info)]
        case .connected(let server, let known):
            learn(info, from: server)
            state = .connected(server, info)
            return [.updateInfo(info)] + (info.isLameDuck && !known.isLameDuck ? [.announceLameDuck(info)] : [])
        case .idle, .backingOff, .connecting, .closed:
            return []
        }
    }

    package mutating func secured() -> [Action] {
        guard case .securing(let server, let info) = state else { return [] }
        state = .authenticating(server, info)
        return [.authenticate(server, info)]
    }

    package mutating func receivedPing() -> [Action] {
        switch state {
        case .authenticating, .connected: [.sendPong]
        default: []
        }
    }

    package mutating func receivedPong() -> [Action] {
        outstandingPings = 0
        guard case .authenticating(let server, let info) = state else { return [] }
        state = .connected(server, info)
        hasBeenConnected = true
        failedRounds = 0
        authenticationErrors = 0
        lastFailure = .notConnected
        return [.resume(info)]
    }

    /// `-ERR`. The server itself closes the connection where it is fatal.
    package mutating func received(errorText text: String) -> [Action] {
        let lowercased = text.lowercased()
        let isAuthentication =
            lowercased.contains("authorization violation") || lowercased.contains("authentication")
        switch state {
        case .awaitingInfo, .securing, .authenticating, .connected:
            guard isAuthentication else {
                lastFailure = .server(text)
                return [.report(.server(text))]
            }
            authenticationErrors += 1
            return [.report(.authenticationFailed(text))] + failed(.authenticationFailed(text))
        case .idle, .backingOff, .connecting, .closed:
            return []
        }
    }
}

// MARK: - Steps

extension ConnectionStateMachine {
    private mutating func connectToNext() -> [Action] {
        if let server = pool.next() {
            state = .connecting(server)
            return [.connect(server, securely: tlsMode == .first)]
        }
        failedRounds += 1
        if !hasBeenConnected, !policy.retriesInitialConnect { return terminate(failure()) }
        if let maxRounds = policy.maxRounds, failedRounds >= maxRounds { return terminate(failure()) }
        state = .backingOff
        return [.report(failure()), .backOff(backOffDelay())]
    }

    private func failure() -> NATSError {
        switch lastFailure {
        case .authenticationFailed, .tls, .invalidCredentials: lastFailure
        case .connectFailed: lastFailure
        default: .connectFailed(lastFailure.description)
        }
    }

    private func backOffDelay() -> TimeAmount {
        let doubled = Double(policy.initialDelay.nanoseconds) * Double(UInt64(1) << UInt64(min(failedRounds - 1, 40)))
        let bounded = min(doubled, Double(policy.maximumDelay.nanoseconds))
        let spread = 1 + policy.jitter * (2 * random() - 1)
        return .nanoseconds(Int64(bounded * max(0, spread)))
    }

    private mutating func endAfterAuthenticationErrors() -> [Action]? {
        guard let limit = policy.maxAuthenticationErrors, authenticationErrors >= max(1, limit) else { return nil }
        return terminate(lastFailure)
    }

    private mutating func terminate(_ error: NATSError?) -> [Action] {
        guard state != .closed else { return [] }
        state = .closed
        return [.dropChannel, .failSent(error ?? .closed), .setStatus(.closed), .terminate(error)]
    }

    private mutating func learn(_ info: NATSServerInfo, from server: NATSServerAddress) {
        if learnsServers { pool.learn(info.connectURLs, from: server) }
    }
}
