import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("Permissions of a real server")
struct PermissionTests {
    private static let configuration = """
        authorization {
          users: [ {
            user: joe, password: pass
            permissions: { publish: { deny: ["secret.>"] }, subscribe: { deny: ["secret.>"] } }
          } ]
        }
        """

    /// Hands over a connection of a user who may not touch `secret.>`, with the errors it reports.
    private func withRestricted(
        _ release: NATSServerProcess.Release,
        _ body: (NATSConnection, inout AsyncStream<NATSError>.Iterator) async throws -> Void
    ) async throws {
        let server = try await NATSServerProcess(release, configuration: Self.configuration, jetStream: false)
        try await withConnection(
            to: server, configure: { $0.credentials = .userPassword(user: "joe", password: "pass") }
        ) { connection in
            let (errors, report) = AsyncStream<NATSError>.makeStream()
            connection.onError { report.yield($0) }
            var iterator = errors.makeAsyncIterator()
            try await body(connection, &iterator)
            // Only the operation was refused: the connection stands and serves.
            #expect(connection.status == .connected)
            let open = try await connection.subscribe("open")
            try connection.publish("open", payload: ByteBuffer(string: "in"))
            #expect(await open.makeAsyncIterator().next()?.payload.text == "in")
        }
    }

    @Test(
        "a forbidden publish is reported with its subject", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func publish(release: NATSServerProcess.Release) async throws {
        try await withRestricted(release) { connection, errors in
            try connection.publish("secret.plan", payload: ByteBuffer(string: "x"))
            #expect(await errors.next() == .server("Permissions Violation for Publish to \"secret.plan\""))
        }
    }

    @Test(
        "a forbidden subscription is reported with its subject", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func subscribe(release: NATSServerProcess.Release) async throws {
        try await withRestricted(release) { connection, errors in
            let subscription = try await connection.subscribe("secret.plan")
            #expect(await errors.next() == .server("Permissions Violation for Subscription to \"secret.plan\""))
            subscription.unsubscribe()
        }
    }
}
