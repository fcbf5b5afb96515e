import Foundation
import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("Authentication against real servers")
struct AuthenticationTests {
    /// Connects with credentials and sends a message to itself.
    private func proveAccess(_ server: NATSServerProcess, _ credentials: NATSCredentials) async throws {
        try await withConnection(to: server, configure: { $0.credentials = credentials }) { connection in
            let subscription = try await connection.subscribe("s")
            try connection.publish("s", payload: ByteBuffer(string: "in"))
            #expect(await subscription.makeAsyncIterator().next()?.payload.text == "in")
        }
    }

    /// Connects with credentials that the server must refuse.
    private func proveRefusal(_ server: NATSServerProcess, _ credentials: NATSCredentials) async throws {
        var configuration = try NATSConfiguration(servers: [server.url])
        configuration.credentials = credentials
        configuration.reconnect.initialDelay = .milliseconds(5)
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        try await connection.start()
        do {
            try await connection.waitUntilConnected(timeout: .seconds(10))
            Issue.record("the server took wrong credentials")
        } catch NATSError.authenticationFailed {
            #expect(connection.status == .closed)
        }
        await connection.close()
    }

    @Test("user and password", arguments: NATSServerProcess.Release.installed)
    func userPassword(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(
            release, configuration: "authorization { user: joe, password: \"s3cret\" }", jetStream: false)
        try await proveAccess(server, .userPassword(user: "joe", password: "s3cret"))
        try await proveRefusal(server, .userPassword(user: "joe", password: "wrong"))
        try await proveRefusal(server, .none)
    }

    @Test("user and password in the URL")
    func userInformation() async throws {
        let server = try await NATSServerProcess(
            configuration: "authorization { user: joe, password: \"s3/cret\" }", jetStream: false)
        var configuration = try NATSConfiguration(servers: ["nats://joe:s3%2Fcret@127.0.0.1:\(server.port)"])
        configuration.reconnect.retriesInitialConnect = false
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        try await connection.start()
        #expect(connection.status == .connected)
        await connection.close()
    }

    @Test("token", arguments: NATSServerProcess.Release.installed)
    func token(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(
            release, configuration: "authorization { token: \"t0ken\" }", jetStream: false)
        try await proveAccess(server, .token("t0ken"))
        try await proveRefusal(server, .token("other"))
    }

    @Test("nkey: the seed signs the server's nonce", arguments: NATSServerProcess.Release.installed)
    func nkey(release: NATSServerProcess.Release) async throws {
        let user = TestIdentity(.user)
        let server = try await NATSServerProcess(
            release, configuration: "authorization { users: [ { nkey: \(user.publicKey) } ] }", jetStream: false)
        try await proveAccess(server, .nkey(seed: user.seed))
        try await proveRefusal(server, .nkey(seed: TestIdentity(.user).seed))
    }

    @Test("credentials file: a user JWT of an account of an operator", arguments: NATSServerProcess.Release.installed)
    func credentialsFile(release: NATSServerProcess.Release) async throws {
        let operatorKey = TestIdentity(.operator)
        let account = TestIdentity(.account)
        let user = TestIdentity(.user)
        let operatorJWT = try operatorKey.issue(subject: operatorKey, claims: ["type": "operator", "version": 2])
        let limits = [
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1,
        ]
        let accountJWT = try operatorKey.issue(
            subject: account, claims: ["type": "account", "version": 2, "limits": limits])
        let userJWT = try account.issue(
            subject: user, claims: ["type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1])
        let server = try await NATSServerProcess(
            release,
            configuration: """
                operator: \(operatorJWT)
                resolver: MEMORY
                resolver_preload: { \(account.publicKey): \(accountJWT) }
                """,
            jetStream: false,
            files: [
                "user.creds": """
                -----BEGIN NATS USER JWT-----
                \(userJWT)
                ------END NATS USER JWT------

                ************************* IMPORTANT *************************
                NKEY Seed printed below can be used to sign and prove identity.

                -----BEGIN USER NKEY SEED-----
                \(user.seed)
                ------END USER NKEY SEED------
                """
            ])
        try await proveAccess(server, .credentialsFile(path: server.folder.appending(path: "user.creds").path))
    }

    @Test("a damaged seed is refused with no word of it in the error")
    func damagedSeed() throws {
        let seed = TestIdentity(.user).seed
        for damaged in ["", "SU", String(seed.dropLast()), "A" + seed.dropFirst(), TestIdentity(.account).seed] {
            do {
                _ = try NKeySeed(damaged)
                Issue.record("a damaged seed was taken")
            } catch {
                #expect(damaged.count < 8 || !error.description.contains(damaged))
            }
        }
        #expect(NATSCredentials.nkey(seed: seed).description == "nkey")
        #expect(!"\(NATSCredentials.token("t0ken"))".contains("t0ken"))
    }
}
