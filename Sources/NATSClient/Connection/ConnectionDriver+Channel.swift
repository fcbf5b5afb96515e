import DequeModule
import FoundationEssentials
import Logging
import NIOCore
import NIOPosix
import NIOSSL

extension ConnectionDriver {
    /// Opens a channel. The certificate files are read first, on a thread that may block, so that renewed ones count.
    func connect(to server: NATSServerAddress, securely: Bool) {
        attempt += 1
        let attempt = attempt
        attemptTimeout?.cancel()
        attemptTimeout = eventLoop.scheduleTask(in: configuration.connectTimeout) {
            self.channelFailed(attempt, .connectFailed("\(server) does not answer in time"))
        }
        guard securely || server.requiresTLS || configuration.tls != nil else {
            tlsContext = nil
            return openChannel(to: server, attempt: attempt, securely: false)
        }
        let tls = configuration.tls
        NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try TLSContext.make(tls) }
            .assumeIsolated().whenComplete { result in
                guard self.isCurrent(attempt) else { return }
                switch result {
                case .success(let context):
                    self.tlsContext = context
                    self.openChannel(to: server, attempt: attempt, securely: securely)
                case .failure(let error):
                    self.channelFailed(attempt, NATSError(channelError: error))
                }
            }
    }

    private func openChannel(to server: NATSServerAddress, attempt: UInt64, securely: Bool) {
        let maxMessageBytes = configuration.maxInboundMessageBytes
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.writeBufferWaterMark, value: .init(low: 512 * 1024, high: 1024 * 1024))
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 65536, maximum: 262_144)
            )
            .connectTimeout(configuration.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if securely, let context = self.tlsContext {
                        try channel.pipeline.syncOperations.addHandler(
                            try TLSContext.handler(context, host: server.host, configuration: self.configuration.tls))
                    }
                    try channel.pipeline.syncOperations.addHandler(
                        ConnectionChannelHandler(driver: self, attempt: attempt, maxMessageBytes: maxMessageBytes))
                }
            }
            .connect(host: server.host, port: server.port)
            .assumeIsolated().whenFailure { error in
                self.channelFailed(attempt, .connectFailed("\(server): \(NATSError.reason(of: error))"))
            }
    }

    /// A channel is open; INFO comes next.
    func channelOpened(_ handler: ConnectionChannelHandler) {
        guard isCurrent(handler.attempt) else { return handler.close() }
        self.handler = handler
        perform(machine.channelOpened())
    }

    /// Whether a channel's events still count.
    func isCurrent(_ attempt: UInt64) -> Bool { self.attempt == attempt }

    func dropChannel() {
        attempt += 1
        attemptTimeout?.cancel()
        attemptTimeout = nil
        pingTimer?.cancel()
        pingTimer = nil
        control.clear()
        pingsToSend = 0
        isReading = false
        let pongs = pongHandlers
        pongHandlers.removeAll()
        for pong in pongs { pong?(.failure(.disconnected)) }
        handler?.close()
        handler = nil
    }

    func channelFailed(_ attempt: UInt64, _ error: NATSError) {
        guard isCurrent(attempt) else { return }
        logger.debug("NATS channel ended", metadata: ["reason": "\(error)"])
        perform(machine.failed(error))
    }

    func channelSecured(_ attempt: UInt64) {
        guard isCurrent(attempt) else { return }
        perform(machine.secured())
    }

    func startTLS(with server: NATSServerAddress) {
        let attempt = attempt
        guard let handler, !handler.hasPartialOperation else {
            return channelFailed(attempt, .protocolViolation("bytes before TLS"))
        }
        // A server may ask for TLS that the configuration says nothing about: the system's roots are trusted then.
        guard let tlsContext else {
            NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop) { try TLSContext.make(nil) }
                .assumeIsolated().whenComplete { result in
                    guard self.isCurrent(attempt) else { return }
                    switch result {
                    case .success(let context):
                        self.tlsContext = context
                        self.startTLS(with: server)
                    case .failure(let error):
                        self.channelFailed(attempt, NATSError(channelError: error))
                    }
                }
            return
        }
        do {
            try handler.secure(
                with: try TLSContext.handler(tlsContext, host: server.host, configuration: configuration.tls))
        } catch {
            channelFailed(attempt, NATSError(channelError: error))
        }
    }

    /// Sends CONNECT and PING. A credentials file is read on a thread that may block, at each connect.
    func authenticate(at server: NATSServerAddress, _ info: NATSServerInfo) {
        let attempt = attempt
        let configuration = configuration
        let make: @Sendable () throws -> [UInt8] = {
            var options = ConnectOptions()
            options.name = configuration.name
            options.echo = configuration.echo
            options.tlsRequired = info.requiresTLS || configuration.tls?.mode == .required
            try options.authenticate(with: configuration.credentials, server: server, nonce: info.nonce)
            return Array(try JSONEncoder().encode(options))
        }
        let options: EventLoopFuture<[UInt8]>
        if case .credentialsFile = configuration.credentials {
            options = NIOThreadPool.singleton.runIfActive(eventLoop: eventLoop, make)
        } else {
            options = eventLoop.makeCompletedFuture(withResultOf: make)
        }
        options.assumeIsolated().whenComplete { result in
            guard self.isCurrent(attempt), let handler = self.handler else { return }
            switch result {
            case .success(let json):
                var buffer = ByteBuffer()
                buffer.writeStaticString("CONNECT ")
                buffer.writeBytes(json)
                buffer.writeStaticString("\r\nPING\r\n")
                handler.write(buffer)
                handler.flush()
            case .failure(let error):
                self.channelFailed(attempt, NATSError(channelError: error))
            }
        }
    }
}

extension NATSError {
    /// What an error of the channel means to the user of a connection.
    init(channelError error: any Error) {
        switch error {
        case let error as NATSError: self = error
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: self = .tls("\(error)")
        default: self = .connectFailed(Self.reason(of: error))
        }
    }

    /// A short reason instead of the many lines of NIO's connection errors.
    static func reason(of error: any Error) -> String {
        guard let error = error as? NIOConnectionError else { return "\(error)" }
        if let reason = error.connectionErrors.first { return "\(reason.error)" }
        return error.dnsAError.map { "\($0)" } ?? error.dnsAAAAError.map { "\($0)" } ?? "no address"
    }
}
