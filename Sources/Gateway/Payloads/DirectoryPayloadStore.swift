import FoundationEssentials
import NIOPosix

/// Payloads as files of one directory, which gateways and workers share.
package struct DirectoryPayloadStore: PayloadStore {
    private let directory: String
    private let threads: NIOThreadPool

    /// - Parameters:
    ///   - directory: made with the first payload where it is missing.
    ///   - threads: do the work, for files block.
    package init(directory: String, threads: NIOThreadPool = .singleton) {
        self.directory = directory
        self.threads = threads
    }

    package func put(_ bytes: [UInt8], key: String) async throws(PayloadStoreError) {
        try await perform(key) { path in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            // Written aside and renamed: a worker never reads half of it.
            try Data(bytes).write(to: URL(filePath: path), options: .atomic)
        }
    }

    package func delete(key: String) async throws(PayloadStoreError) {
        try await perform(key) { path in
            guard FileManager.default.fileExists(atPath: path) else { return }
            try FileManager.default.removeItem(atPath: path)
        }
    }

    private func perform(
        _ key: String, _ body: @escaping @Sendable (String) throws -> Void
    ) async throws(PayloadStoreError) {
        guard PayloadKey.isValid(key) else { throw .invalidKey(key) }
        let path = "\(directory)/\(key)"
        do {
            try await threads.runIfActive { try body(path) }
        } catch {
            throw .failed(path: path, reason: "\(error)")
        }
    }
}
