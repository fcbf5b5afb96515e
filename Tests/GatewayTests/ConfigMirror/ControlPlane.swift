import Foundation
import NIOCore
import TestSupport

/// A real sie-config with folders of its own; it can be killed and started again, on the same port.
final class ControlPlane: Sendable {
    let port: Int
    private let folder: URL
    private let natsURL: String?

    init(natsURL: String? = nil) throws {
        port = try NATSServerProcess.freePort()
        self.natsURL = natsURL
        folder = FileManager.default.temporaryDirectory.appending(path: "control-\(UUID().uuidString)")
        for name in ["bundles", "models", "store"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        try write(bundle: "default", "name: default\npriority: 10\nadapters: [st, ce]\n")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var url: String { "http://127.0.0.1:\(port)" }

    func write(bundle name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.appending(path: "bundles/\(name).yaml"))
    }

    /// Forgets what was posted, as a control plane that is restored from an old backup.
    func emptyStore() throws {
        try FileManager.default.removeItem(at: folder.appending(path: "store"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "store"), withIntermediateDirectories: true)
    }

    func start() async throws -> ProductProcess {
        var environment = [
            "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
            "SIE_MODELS_DIR": folder.appending(path: "models").path,
            "SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
            "SIE_NATS_URL": "", "POD_NAME": "sie-config-0",
        ]
        if let natsURL { environment["SIE_NATS_URL"] = natsURL }
        return try await ProductProcess("sie-config", port: port, environment: environment) { port in
            ["serve", "--host", "127.0.0.1", "--port", "\(port)"]
        }
    }

    /// Posts a model; tries again while the service cannot announce it yet.
    func post(_ model: String, profiles: [String] = ["default"]) async throws {
        let lines = profiles.map { "  \($0): {adapter_path: 'st:A', max_batch_tokens: 8}\n" }.joined()
        let body = ByteBuffer(string: "sie_id: \(model)\nprofiles:\n\(lines)")
        let start = ContinuousClock.now
        while true {
            let reply = try await HTTPTestClient(port: port).post("/v1/configs/models", body: body)
            if (200..<300).contains(reply.status) { return }
            guard reply.status == 503, .now - start < .seconds(15) else {
                throw ProductProcess.Failure.didNotStart("sie-config", log: "\(reply.status) \(reply.text)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
