import FoundationEssentials
import Logging
import NIOSSL
import Synchronization

/// The scaler's certificate and whom it lets in, out of files that may be replaced at any time: what is new counts for the
/// connections that come then. While the files cannot be read, or do not fit together, the last good ones count.
package final class ScalerTLS: Sendable {
    package struct Files: Sendable, Hashable {
        /// PEM, the server's own certificate first.
        package var certificate: String
        package var key: String
        /// The authorities of clients' certificates; nil for clients that need none.
        package var clientAuthorities: String?

        package init(certificate: String, key: String, clientAuthorities: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.clientAuthorities = clientAuthorities
        }
    }

    /// A file that is not there or not to be read.
    package struct Unreadable: Error, CustomStringConvertible {
        package var path: String
        package var description: String { "\(path) cannot be read" }
    }

    private struct State: Sendable {
        var context: NIOSSLContext
        /// What the context was made of, and what was looked at last.
        var contents: [[UInt8]]
        var looked: ContinuousClock.Instant
    }

    private let files: Files
    private let interval: Duration
    private let logger: Logger
    private let state: Mutex<State>

    /// - Parameter interval: how often the files are looked at, at most.
    /// - Throws: where the files are no certificate and key now.
    package init(_ files: Files, interval: Duration = .seconds(1), logger: Logger) throws {
        self.files = files
        self.interval = interval
        self.logger = logger
        let contents = try Self.read(files)
        state = Mutex(State(context: try Self.context(contents), contents: contents, looked: .now))
    }

    /// For the next connection.
    func context() -> NIOSSLContext {
        state.withLock { state in
            guard state.looked.duration(to: .now) >= interval else { return state.context }
            state.looked = .now
            do {
                let contents = try Self.read(files)
                guard contents != state.contents else { return state.context }
                // Files that do not fit together are told of once.
                state.contents = contents
                state.context = try Self.context(contents)
                logger.info("The scaler's certificate was replaced")
            } catch {
                logger.warning(
                    "The scaler's new certificate cannot be used; the last one goes on",
                    metadata: ["error": "\(error)"])
            }
            return state.context
        }
    }

    private static func read(_ files: Files) throws -> [[UInt8]] {
        try ([files.certificate, files.key] + [files.clientAuthorities].compactMap { $0 }).map { path in
            guard let data = FileManager.default.contents(atPath: path) else { throw Unreadable(path: path) }
            return Array(data)
        }
    }

    private static func context(_ contents: [[UInt8]]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(contents[0]).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: contents[1], format: .pem)))
        configuration.minimumTLSVersion = .tlsv12
        // gRPC's clients want to hear it.
        configuration.applicationProtocols = ["h2"]
        if contents.count > 2 {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(contents[2]))
            configuration.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: configuration)
    }
}
