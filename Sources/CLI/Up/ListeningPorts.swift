import NIOCore
import NIOPosix

/// Finds ports to listen on, by binding them.
package struct ListeningPorts: Sendable {
    private let group: any EventLoopGroup

    package init(group: any EventLoopGroup) {
        self.group = group
    }

    /// Makes sure that `port` of `host` can be bound; 0 picks a free one.
    package func claim(host: String, port: Int) async throws(UpError) -> Int {
        do {
            let channel = try await bind(host: host, port: port)
            let bound = channel.localAddress?.port ?? port
            try await channel.close()
            return bound
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw UpError(
                "port \(port) on \(host) is in use by another program",
                remedy: "Stop that program, or choose another port with --port.")
        } catch {
            throw UpError(
                "cannot listen on port \(port) of \(host): \(error)",
                remedy: "Choose an address of this machine with --host and a port above 1023 with --port.")
        }
    }

    /// `count` different free ports of 127.0.0.1. They are free again when this returns; nothing else keeps another
    /// program from taking one before its user does, which would end the stack with a clear message.
    package func free(count: Int) async throws(UpError) -> [Int] {
        do {
            var channels: [any Channel] = []
            for _ in 0..<count { channels.append(try await bind(host: "127.0.0.1", port: 0)) }
            let ports = channels.compactMap(\.localAddress?.port)
            for channel in channels { try await channel.close() }
            return ports
        } catch {
            throw UpError(
                "cannot find \(count) free ports on 127.0.0.1: \(error)", remedy: "See what listens there: ss -ltnp")
        }
    }

    private func bind(host: String, port: Int) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port).get()
    }
}
