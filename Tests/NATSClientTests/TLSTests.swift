import Foundation
import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("TLS against real servers")
struct TLSTests {
    private static let configuration =
        "tls { cert_file: server.pem, key_file: server.key, ca_file: ca.pem, verify: true }"

    private func proveAccess(_ server: NATSServerProcess, _ tls: NATSTLSConfiguration) async throws {
        try await withConnection(to: server, configure: { $0.tls = tls }) { connection in
            let payload = ByteBuffer(repeating: 7, count: 500_000)
            let subscription = try await connection.subscribe("s")
            try connection.publish("s", payload: payload)
            #expect(await subscription.makeAsyncIterator().next()?.payload == payload)
        }
    }

    /// The reason a connection with these settings does not come up.
    private func failure(_ server: NATSServerProcess, _ tls: NATSTLSConfiguration?) async throws -> NATSError? {
        var configuration = try NATSConfiguration(servers: [server.url])
        configuration.tls = tls
        configuration.reconnect.retriesInitialConnect = false
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        defer { withExtendedLifetime(connection) {} }
        do {
            try await connection.start()
            await connection.close()
            return nil
        } catch {
            return error as? NATSError
        }
    }

    @Test(
        "a client certificate, an authority of one's own, and the server's address checked",
        arguments: NATSServerProcess.Release.installed)
    func clientCertificate(release: NATSServerProcess.Release) async throws {
        let certificates = try TestCertificates()
        let server = try await NATSServerProcess(
            release, configuration: Self.configuration, files: try certificates.serverFiles)
        try await proveAccess(server, certificates.client)
        var byName = certificates.client
        byName.serverName = "nats.test"
        try await proveAccess(server, byName)
    }

    @Test("an unknown authority or no client certificate: no connection")
    func refusals() async throws {
        let certificates = try TestCertificates()
        let server = try await NATSServerProcess(configuration: Self.configuration, files: try certificates.serverFiles)
        var stranger = certificates.client
        stranger.authoritiesFile = nil
        #expect(try await failure(server, stranger) != nil)
        #expect(try await failure(server, nil) != nil)
        var anonymous = certificates.client
        anonymous.certificateFile = nil
        anonymous.privateKeyFile = nil
        #expect(try await failure(server, anonymous) != nil)
        var broken = certificates.client
        broken.authoritiesFile = "/nonexistent.pem"
        if case .tls = try await failure(server, broken) {} else { Issue.record("a missing file is no TLS error") }
    }

    @Test("the server's certificate must bear the name expected of it")
    func serverName() async throws {
        let certificates = try TestCertificates(names: "DNS:nats.test")
        let server = try await NATSServerProcess(
            configuration: Self.configuration, files: try certificates.serverFiles)
        var tls = certificates.client
        #expect(try await failure(server, tls) != nil)
        tls.serverName = "other.test"
        #expect(try await failure(server, tls) != nil)
        tls.serverName = "nats.test"
        try await proveAccess(server, tls)
    }

    @Test("TLS before INFO, for servers that want the handshake first")
    func handshakeFirst() async throws {
        let certificates = try TestCertificates()
        let server = try await NATSServerProcess(
            .current,
            configuration: Self.configuration.replacing("verify: true", with: "verify: true, handshake_first: true"),
            files: try certificates.serverFiles)
        var tls = certificates.client
        tls.mode = .first
        try await proveAccess(server, tls)
    }
}
