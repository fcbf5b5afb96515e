import Foundation
import TestSupport

/// Directories for a service under test; they go with the last reference.
final class ConfigServiceFolder: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")

    /// One bundle, `default`, for the adapter module `acme.enc`; no models, and no store yet.
    init() throws {
        try FileManager.default.createDirectory(at: url.appending(path: "bundles"), withIntermediateDirectories: true)
        try Data("adapters: [acme.enc]\n".utf8).write(to: url.appending(path: "bundles/default.yaml"))
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Starts the service, which restores what is stored.
    func serve(_ environment: [String: String] = [:]) async throws -> ProductProcess {
        let directories = [
            "SIE_BUNDLES_DIR": url.appending(path: "bundles").path,
            "SIE_MODELS_DIR": url.appending(path: "models").path,
            "SIE_CONFIG_STORE_DIR": url.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
        ]
        return try await ProductProcess("sie-config", environment: directories.merging(environment) { $1 }) { port in
            ["serve", "--host", "127.0.0.1", "--port", "\(port)"]
        }
    }

    /// The ids of the model files in the store.
    func storedModels() throws -> Set<String> {
        let models = url.appending(path: "store/models").path
        return Set(
            try FileManager.default.contentsOfDirectory(atPath: models).filter { $0.hasSuffix(".yaml") }
                .map { $0.dropLast(".yaml".count).replacingOccurrences(of: "__", with: "/") })
    }
}
