import Foundation
import Glibc
import TestSupport

/// The services as processes of their own, each of which a test can kill: what `sie up` would answer with its own end.
final class ServiceStack: Sendable {
    let nats: NATSServerProcess
    let config: ProgramProcess
    let workers: [ProgramProcess]
    let gateway: ProgramProcess
    let client: GatewayClient
    private let folder: URL

    init(
        workers count: Int = 1, workerEnvironment: [String: String] = [:], gatewayEnvironment: [String: String] = [:]
    ) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "services-\(UUID().uuidString)")
        let seeds = try Self.writeSeeds(to: folder)
        nats = try await NATSServerProcess(.current, configuration: "max_payload: 8MB")
        let (configPort, gatewayPort) = (try NATSServerProcess.freePort(), try NATSServerProcess.freePort())
        let workerPorts = try (0..<count).map { _ in try NATSServerProcess.freePort() }
        var common = seeds
        common["SIE_NATS_URL"] = nats.url
        common["SIE_PAYLOAD_STORE_URL"] = folder.appending(path: "payloads").path

        config = try ProgramProcess(
            try Tools.product("sie-config"), arguments: ["serve", "--host", "127.0.0.1", "--port", "\(configPort)"],
            environment: common.merging(["SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path]) { $1 })
        common["SIE_CONFIG_SERVICE_URL"] = "http://127.0.0.1:\(configPort)"
        try await Self.wait(for: config, port: configPort, path: "/readyz")

        var started: [ProgramProcess] = []
        for (index, port) in workerPorts.enumerated() {
            started.append(
                try ProgramProcess(
                    try Tools.product("sie-worker"),
                    arguments: [
                        "serve", "--host", "127.0.0.1", "--port", "\(port)", "--device", "cpu", "--models-dir",
                        seeds["SIE_MODELS_DIR"] ?? "", "--bundle", "default", "--preload", ReferenceTexts.model,
                    ],
                    environment: common.merging([
                        "HOSTNAME": "worker-\(index + 1)", "SIE_POOL": "default", "SIE_BUNDLE": "default",
                        "SIE_MACHINE_PROFILE": "cpu", "SIE_CLUSTER_ROUTING": "queue",
                    ]) { $1 }.merging(workerEnvironment) { $1 }))
        }
        workers = started
        for (worker, port) in zip(started, workerPorts) {
            try await Self.wait(for: worker, port: port, path: "/readyz")
        }

        gateway = try ProgramProcess(
            try Tools.product("sie-gateway"),
            arguments: ["serve", "--host", "127.0.0.1", "--port", "\(gatewayPort)"],
            environment: common.merging([
                "SIE_GATEWAY_WORKERS": workerPorts.map { "http://127.0.0.1:\($0)" }.joined(separator: ","),
                "SIE_GATEWAY_CONFIGURED_GPUS": "cpu",
            ]) { $1 }.merging(gatewayEnvironment) { $1 })
        client = GatewayClient(url: "http://127.0.0.1:\(gatewayPort)")
        try await Self.wait(for: gateway, port: gatewayPort, path: "/healthz")
        try await waitUntilServing()
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The processes that run.
    var runningServices: [String] {
        ([config, gateway] + workers).filter(\.isRunning).map(\.name)
    }

    /// Waits until a text is encoded, asking again and again.
    func waitUntilServing(within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while true {
            let answer = try? await client.encode(["hello"])
            if answer?.status == 200 { return }
            guard ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(
                    description: "the gateway does not serve: \(answer?.text ?? "no answer")\n"
                        + ([gateway] + workers).map { $0.standardOutput + $0.standardError }.joined(separator: "\n"))
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func wait(for process: ProgramProcess, port: Int, path: String) async throws {
        let client = GatewayClient(url: "http://127.0.0.1:\(port)")
        let deadline = ContinuousClock.now + .seconds(60)
        while (try? await client.get(path))?.status != 200 {
            guard process.isRunning, ContinuousClock.now < deadline else {
                throw ProgramProcess.Timeout(
                    description: "\(process.name) is not ready\n\(process.standardOutput)\n\(process.standardError)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Copies the catalog, with the weights' place in the model's document.
    private static func writeSeeds(to folder: URL) throws -> [String: String] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let catalog = folder.appending(path: "catalog")
        try FileManager.default.copyItem(at: Fixtures.repository.appending(path: "catalog"), to: catalog)
        let models = catalog.appending(path: "models")
        let document = models.appending(path: "sentence-transformers__all-MiniLM-L6-v2.yaml")
        var text = try String(contentsOf: document, encoding: .utf8)
        text += "\nweights_path: \(try Tools.miniLM())\n"
        try Data(text.utf8).write(to: document)
        return ["SIE_BUNDLES_DIR": catalog.appending(path: "bundles").path, "SIE_MODELS_DIR": models.path]
    }
}
