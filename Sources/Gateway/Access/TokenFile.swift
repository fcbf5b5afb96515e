import FoundationEssentials
import Logging
import NIOPosix
import ServiceLifecycle
import Synchronization

/// The tokens file, read again when it changes: tokens come and go without a restart. A version that cannot be read is
/// reported and the one before stays in force.
package final class TokenFile: Service {
    private struct State {
        var text: String
        var table: TokenTable
    }

    private let path: String
    private let interval: Duration
    private let threads: NIOThreadPool
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: `TokenTable.Invalid` where the file cannot be read or used: a gateway does not start with fewer limits
    ///   than it was given.
    package init(
        path: String, interval: Duration = .seconds(2), threads: NIOThreadPool = .singleton, logger: Logger
    ) throws(TokenTable.Invalid) {
        self.path = path
        self.interval = interval
        self.threads = threads
        self.logger = logger
        let text = try Self.text(of: path)
        state = Mutex(State(text: text, table: try Self.table(text, of: path)))
    }

    /// What a token grants now.
    package func grant(for token: String) -> TokenGrant? { state.withLock { $0.table }.grant(for: token) }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while (try? await Task.sleep(for: self.interval)) != nil { await self.reload() }
        }
    }

    private func reload() async {
        do {
            let text = try await threads.runIfActive { [path] in try Self.text(of: path) }
            guard text != state.withLock({ $0.text }) else { return }
            // Noted first, so that a version that cannot be used is reported once.
            state.withLock { $0.text = text }
            let table = try Self.table(text, of: path)
            state.withLock { $0.table = table }
            logger.info("tokens in force", metadata: ["names": "\(table.names)"])
        } catch {
            logger.error("tokens not read, the previous ones stay in force", metadata: ["error": "\(error)"])
        }
    }

    private static func text(of path: String) throws(TokenTable.Invalid) -> String {
        do {
            return String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
        } catch {
            throw TokenTable.Invalid("tokens file \(path): cannot be read")
        }
    }

    private static func table(_ text: String, of path: String) throws(TokenTable.Invalid) -> TokenTable {
        do throws(TokenTable.Invalid) {
            return try TokenTable(parsing: text)
        } catch {
            throw TokenTable.Invalid("tokens file \(path): \(error)")
        }
    }
}
