import Foundation
import Logging
import NATSClient
import NIOCore
import TestSupport
import Testing

/// A logger that says nothing.
let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Connects to a server, hands over the connection, and closes it.
func withConnection<Value>(
    to server: NATSServerProcess, configure: (inout NATSConfiguration) -> Void = { _ in },
    _ body: (NATSConnection) async throws -> Value
) async throws -> Value {
    var configuration = try NATSConfiguration(servers: [server.url])
    configuration.reconnect.initialDelay = .milliseconds(10)
    configuration.reconnect.maximumDelay = .milliseconds(100)
    configure(&configuration)
    let connection = NATSConnection(configuration: configuration, logger: quiet)
    do {
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        let value = try await body(connection)
        await connection.close()
        return value
    } catch {
        await connection.close()
        throw error
    }
}

extension ByteBuffer {
    var text: String { String(buffer: self) }
}
