import Foundation
import Glibc
import Synchronization

/// A real nats-server on a port of its own, with JetStream, that tests can signal, kill and start again.
///
/// The process and its data folder go with the last reference.
package final class NATSServerProcess: Sendable {
    /// Which server to run.
    package enum Release: String, CaseIterable, Sendable, CustomStringConvertible {
        /// Debian 12's 2.9.
        case debian
        /// The current release.
        case current

        package var description: String { rawValue }

        /// The program's path; `nil` where it is not installed.
        package var path: String? {
            let candidates =
                switch self {
                case .debian: ["/usr/sbin/nats-server", "/usr/bin/nats-server"]
                case .current: [Fixtures.repository.appending(path: ".tools/bin/nats-server").path]
                }
            return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
        }

        /// The releases on this machine, with a loud line for each that is missing.
        package static var installed: [Release] {
            allCases.filter { release in
                if release.path == nil { print("SKIPPED: no \(release.rawValue) nats-server; run scripts/test") }
                return release.path != nil
            }
        }
    }

    package enum Failure: Error, CustomStringConvertible {
        case notInstalled(Release)
        case didNotStart(log: String)

        package var description: String {
            switch self {
            case .notInstalled(let release): "no \(release.rawValue) nats-server is installed"
            case .didNotStart(let log): "nats-server did not start:\n\(log)"
            }
        }
    }

    package let release: Release
    package let port: Int
    /// Holds the configuration, the log and JetStream's files.
    package let folder: URL
    private let process = Mutex<ChildProcess?>(nil)

    /// Starts a server.
    /// - Parameters:
    ///   - configuration: lines for the configuration file, beside port and JetStream.
    ///   - jetStream: whether JetStream is on.
    ///   - files: further files to write into ``folder`` first; `configuration` names them relative to it.
    package init(
        _ release: Release = .current, configuration: String = "", jetStream: Bool = true,
        files: [String: String] = [:]
    ) async throws {
        self.release = release
        self.port = try Self.freePort()
        self.folder = FileManager.default.temporaryDirectory.appending(path: "nats-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        var lines = "listen: \"127.0.0.1:\(port)\"\n\(configuration)\n"
        if jetStream {
            lines += "jetstream { store_dir: \"\(folder.appending(path: "store").path)\", max_mem: 1G, max_file: 1G }\n"
        }
        try Data(lines.utf8).write(to: folder.appending(path: "server.conf"))
        try await start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// `nats://127.0.0.1:port`
    package var url: String { "nats://127.0.0.1:\(port)" }

    /// What the server wrote.
    package var log: String {
        (try? String(contentsOf: folder.appending(path: "server.log"), encoding: .utf8)) ?? ""
    }

    /// Starts the server again, on the same port and with the same files, and waits until it takes connections.
    package func start() async throws {
        guard let path = release.path else { throw Failure.notInstalled(release) }
        let process = try ChildProcess(path, arguments: ["-c", "server.conf", "-l", "server.log"], directory: folder)
        self.process.withLock { $0 = process }
        let start = ContinuousClock.now
        while !LoopbackSocket.accepts(port: port) {
            guard process.isRunning, .now - start < .seconds(15) else { throw Failure.didNotStart(log: log) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    /// The process; `nil` while it is killed.
    package var processIdentifier: Int32? { process.withLock { $0?.identifier } }

    /// Sends a signal, e.g. `SIGUSR2` for lame duck mode.
    package func signal(_ number: Int32) {
        process.withLock { $0?.signal(number) }
    }

    /// Kills the server without a chance to say anything, and waits until it is gone.
    package func kill() {
        let process = process.withLock { $0.take() }
        guard let process else { return }
        process.signal(SIGKILL)
        process.waitUntilExit()
    }

    /// A port that nobody listens on right now.
    package static func freePort() throws -> Int {
        let socket = try LoopbackSocket()
        defer { socket.close() }
        return try socket.bind(port: 0)
    }
}
