import NATSClient
import NIOCore
import Testing

@Suite("The connection's state machine")
struct ConnectionStateMachineTests {
    private let first = NATSServerAddress(host: "a")
    private let second = NATSServerAddress(host: "b")

    private func machine(
        _ servers: [NATSServerAddress], configure: (inout NATSConfiguration) -> Void = { _ in }
    ) -> ConnectionStateMachine {
        var configuration = NATSConfiguration(servers: servers)
        configuration.randomizeServers = false
        configuration.reconnect.jitter = 0
        configure(&configuration)
        return ConnectionStateMachine(configuration: configuration, random: { 0.5 })
    }

    private func connect(_ machine: inout ConnectionStateMachine, info: NATSServerInfo = NATSServerInfo()) {
        _ = machine.start()
        _ = machine.channelOpened()
        _ = machine.received(info)
        _ = machine.receivedPong()
    }

    @Test("connecting goes from TCP over INFO and CONNECT to the first PONG")
    func handshake() {
        var machine = machine([first])
        let info = NATSServerInfo()
        #expect(machine.start() == [.setStatus(.connecting), .connect(first, securely: false)])
        #expect(machine.channelOpened() == [])
        #expect(machine.received(info) == [.updateInfo(info), .authenticate(first, info)])
        #expect(machine.receivedPong() == [.resume(info)])
        #expect(machine.isConnected)
        #expect(machine.receivedPing() == [.sendPong])
    }

    @Test("a server that requires TLS is met with TLS before CONNECT")
    func tlsUpgrade() {
        var machine = machine([first])
        var info = NATSServerInfo()
        info.requiresTLS = true
        _ = machine.start()
        _ = machine.channelOpened()
        #expect(machine.received(info) == [.updateInfo(info), .startTLS(first)])
        #expect(machine.secured() == [.authenticate(first, info)])
    }

    @Test("a client that requires TLS refuses a server without, and goes to the next")
    func tlsRequired() {
        var machine = machine([first, second]) { $0.tls = NATSTLSConfiguration() }
        _ = machine.start()
        _ = machine.channelOpened()
        #expect(machine.received(NATSServerInfo()) == [.dropChannel, .connect(second, securely: false)])
    }

    @Test("each round tries every server once; the pauses between rounds double up to the maximum")
    func backOff() {
        var machine = machine([first, second]) {
            $0.reconnect.initialDelay = .milliseconds(100)
            $0.reconnect.maximumDelay = .milliseconds(350)
        }
        let refused = NATSError.connectFailed("refused")
        _ = machine.start()
        for pause in [100, 200, 350, 350] as [Int64] {
            #expect(machine.failed(refused) == [.dropChannel, .connect(second, securely: false)])
            #expect(machine.failed(refused) == [.dropChannel, .report(refused), .backOff(.milliseconds(pause))])
            #expect(machine.backOffElapsed() == [.connect(first, securely: false)])
        }
    }

    @Test("jitter spreads the pause on both sides")
    func jitter() {
        for (random, pause) in [(0.0, 80), (0.5, 100), (1.0, 120)] as [(Double, Int64)] {
            var configuration = NATSConfiguration(servers: [first])
            configuration.reconnect.initialDelay = .milliseconds(100)
            configuration.reconnect.jitter = 0.2
            var machine = ConnectionStateMachine(configuration: configuration, random: { random })
            _ = machine.start()
            #expect(machine.failed(.connectFailed("x")).last == .backOff(.milliseconds(pause)))
        }
    }

    @Test("a first connect that is not to be retried ends with its reason")
    func noInitialRetry() {
        var machine = machine([first]) { $0.reconnect.retriesInitialConnect = false }
        _ = machine.start()
        let refused = NATSError.connectFailed("refused")
        #expect(
            machine.failed(refused)
                == [.dropChannel, .dropChannel, .failSent(refused), .setStatus(.closed), .terminate(refused)])
    }

    @Test("a lost connection fails what was sent and comes back to the same server at once")
    func loss() {
        var machine = machine([first, second])
        connect(&machine)
        #expect(
            machine.failed(.disconnected)
                == [
                    .dropChannel, .setStatus(.reconnecting), .failSent(.disconnected), .connect(first, securely: false),
                ])
    }

    @Test("a server in lame duck mode is announced once and is not the first to be tried again")
    func lameDuck() {
        var machine = machine([first, second])
        connect(&machine)
        var info = NATSServerInfo()
        info.isLameDuck = true
        #expect(machine.received(info) == [.updateInfo(info), .announceLameDuck(info)])
        #expect(machine.received(info) == [.updateInfo(info)])
        #expect(machine.failed(.disconnected).last == .connect(second, securely: false))
    }

    @Test("servers that INFO names join the pool; those it no longer names leave it")
    func learning() {
        var machine = machine([first])
        var info = NATSServerInfo()
        info.connectURLs = ["a:4222", "c:4222", "[::1]:4223"]
        connect(&machine, info: info)
        #expect(machine.pool.servers.map(\.description).sorted() == ["[::1]:4223", "a:4222", "c:4222"])
        info.connectURLs = ["c:4222"]
        _ = machine.received(info)
        #expect(machine.pool.servers.map(\.description).sorted() == ["a:4222", "c:4222"])
    }

    @Test("unanswered PINGs end the connection; a PONG in between starts the count anew")
    func pings() {
        var machine = machine([first])
        connect(&machine)
        #expect(machine.pingIntervalElapsed() == [.sendPing])
        #expect(machine.pingIntervalElapsed() == [.sendPing])
        #expect(machine.receivedPong() == [])
        #expect(machine.pingIntervalElapsed() == [.sendPing])
        #expect(machine.pingIntervalElapsed() == [.sendPing])
        #expect(machine.pingIntervalElapsed().contains(.setStatus(.reconnecting)))
    }

    @Test("authentication errors end the connection after so many in a row, or never, as configured")
    func authenticationErrors() {
        let refused = NATSError.authenticationFailed("Authorization Violation")
        var strict = machine([first]) { $0.reconnect.maxAuthenticationErrors = 2 }
        var patient = machine([first]) { $0.reconnect.maxAuthenticationErrors = nil }
        for round in 1...5 {
            for isStrict in [true, false] {
                func step(_ machine: inout ConnectionStateMachine) -> [ConnectionStateMachine.Action] {
                    _ = machine.start()
                    _ = machine.backOffElapsed()
                    _ = machine.channelOpened()
                    _ = machine.received(NATSServerInfo())
                    return machine.received(errorText: "Authorization Violation")
                }
                let actions = isStrict ? step(&strict) : step(&patient)
                #expect(actions.contains(.terminate(refused)) == (isStrict && round == 2))
            }
        }
    }

    @Test("an -ERR that is not fatal is reported and changes nothing")
    func permissionViolation() {
        var machine = machine([first])
        connect(&machine)
        let text = "Permissions Violation for Publish to \"x\""
        #expect(machine.received(errorText: text) == [.report(.server(text))])
        #expect(machine.isConnected)
    }

    @Test("closing ends everything once, from any state")
    func closing() {
        var machine = machine([first])
        connect(&machine)
        #expect(machine.close() == [.dropChannel, .failSent(.closed), .setStatus(.closed), .terminate(nil)])
        #expect(machine.close() == [])
        #expect(machine.failed(.disconnected) == [])
        #expect(machine.backOffElapsed() == [])
    }
}
