import NIOCore
import NIOPosix

/// Finds ports to listen on, by binding them.
package struct ListeningPorts: Sendable {
    private let group: any EventLoopGroup

    package init(group: any EventLoopGroup) {
        self.group = group
    }

    /// Below the ports that Linux gives to outgoing connections (32768 and up), so that none of those takes a port
    /// between this look at it and its use.
    private static let candidates = 15_000..<32_768

    /// Makes sure that `port` of `host` can be bound; 0 picks a free one.
    ///
    /// - Parameter option: the option that names another port, for the error.
    package func claim(host: String, port: Int, option: String = "--port") async throws(UpError) -> Int {
        guard port != 0 else { return try await free(count: 1, host: host)[0] }
        do {
            try await bind(host: host, port: port).close()
            return port
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw UpError(
                "port \(port) on \(host) is in use by another program",
                remedy: "Stop that program, or choose another port with \(option).")
        } catch {
            throw cannotListen(host: host, port: port, error)
        }
    }

    /// `count` different free ports.
    package func free(count: Int, host: String = "127.0.0.1") async throws(UpError) -> [Int] {
        var ports: Set<Int> = []
        for _ in 0..<(count * 100) where ports.count < count {
            let port = Int.random(in: Self.candidates)
            do {
                try await bind(host: host, port: port).close()
                ports.insert(port)
            } catch let error as IOError where error.errnoCode == EADDRINUSE {
                continue
            } catch {
                throw cannotListen(host: host, port: port, error)
            }
        }
        guard ports.count == count else {
            throw UpError("cannot find \(count) free ports on \(host)", remedy: "See what listens there: ss -ltnp")
        }
        return Array(ports)
    }

    private func cannotListen(host: String, port: Int, _ error: any Error) -> UpError {
        UpError(
            "cannot listen on port \(port) of \(host): \(error)",
            remedy: "Choose an address of this machine with --host and a port above 1023 with --port.")
    }

    private func bind(host: String, port: Int) async throws -> any Channel {
        try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: host, port: port).get()
    }
}
