import Foundation
import TestSupport

/// The original worker, sie-server 0.3.1, behind a gateway of ours, and on request a worker of ours beside it.
///
/// All of the worker is as it comes from its package: its queue loop, its batching, its status messages. What stands in
/// for PyTorch and for a model lies in `Tests/Integration/Python/reference_worker`.
final class OriginalWorkerStack: Sendable {
    /// The model that it serves, in a bundle, a pool and with a machine profile of its own.
    static let model = "tests/Word-Counts"
    static let profile = "python"

    let nats: NATSServerProcess
    let gateway: ProductProcess
    let client: GatewayClient
    let workerURL: String
    private let workerPort: Int
    private let ownWorker: ProductProcess?
    private let folder: URL

    /// Starts a broker and a gateway that waits for workers.
    /// - Parameter besideOurs: whether a worker of ours serves the model of ``ReferenceTexts`` as well.
    init(besideOurs: Bool = false, gatewayEnvironment: [String: String] = [:]) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "original-\(UUID().uuidString)")
        let seeds = try Self.writeSeeds(to: folder)
        nats = try await NATSServerProcess()
        workerPort = try NATSServerProcess.freePort()
        workerURL = "http://127.0.0.1:\(workerPort)"
        let common = seeds.merging([
            "SIE_NATS_URL": nats.url, "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
        ]) { $1 }
        ownWorker =
            besideOurs
            ? try await ProductProcess(
                "sie-worker",
                environment: common.merging([
                    "HOSTNAME": "ours", "SIE_POOL": "default", "SIE_MACHINE_PROFILE": "cpu",
                    "SIE_CLUSTER_ROUTING": "queue",
                ]) { $1 }
            ) { port in
                [
                    "serve", "--host", "127.0.0.1", "--port", "\(port)", "--device", "cpu", "--models-dir",
                    seeds["SIE_MODELS_DIR"] ?? "", "--bundle", "default", "--preload", ReferenceTexts.model,
                ]
            } : nil
        var workers = [workerURL]
        if let ownWorker { workers.append("http://127.0.0.1:\(ownWorker.port)") }
        gateway = try await ProductProcess(
            "sie-gateway",
            environment: common.merging([
                "SIE_GATEWAY_WORKERS": workers.joined(separator: ","),
                "SIE_GATEWAY_CONFIGURED_GPUS": "cpu,\(Self.profile),absent",
            ]) { $1 }.merging(gatewayEnvironment) { $1 }
        ) { port in ["serve", "--host", "127.0.0.1", "--port", "\(port)"] }
        client = GatewayClient(url: "http://127.0.0.1:\(gateway.port)")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Starts the original worker, whose process goes with the last reference.
    func startWorker() throws -> ProgramProcess {
        let models = folder.appending(path: "original-models").path
        return try ProgramProcess(
            try Tools.originalWorker(),
            arguments: [
                "-m", "uvicorn", "sie_server.main:_create_app_from_env", "--factory", "--loop", "uvloop",
                "--host", "127.0.0.1", "--port", "\(workerPort)",
            ],
            environment: [
                "PYTHONPATH": Self.sources.path, "PYTHONDONTWRITEBYTECODE": "1", "SIE_TELEMETRY_DISABLED": "1",
                "SIE_NATS_URL": nats.url, "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
                "SIE_CLUSTER_ROUTING": "queue", "SIE_BUNDLE": "python", "SIE_POOL": "python",
                "SIE_MACHINE_PROFILE": Self.profile, "SIE_DEVICE": "cpu", "SIE_MODELS_DIR": models,
                "SIE_PRELOAD_MODELS": Self.model,
            ])
    }

    /// Waits until a request for each of the models is answered with results.
    func waitUntilServing(_ worker: ProgramProcess, within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        for model in [Self.model] + (ownWorker == nil ? [] : [ReferenceTexts.model]) {
            while try await client.encode(["hello"], model: model).status != 200 {
                guard worker.isRunning, ContinuousClock.now < deadline else {
                    throw ProgramProcess.Timeout(
                        description: "\(model) is not served\n\(gateway.log)\n\(worker.standardError)")
                }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    private static let sources = Fixtures.repository.appending(path: "Tests/Integration/Python/reference_worker")

    private static func writeSeeds(to folder: URL) throws -> [String: String] {
        let (catalog, original) = (folder.appending(path: "catalog"), folder.appending(path: "original-models"))
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Fixtures.repository.appending(path: "catalog"), to: catalog)
        // A copy: the worker watches its folder.
        try FileManager.default.copyItem(at: sources.appending(path: "models"), to: original)
        let (bundles, models) = (catalog.appending(path: "bundles"), catalog.appending(path: "models"))
        try FileManager.default.copyItem(
            at: original.appending(path: "word-counts.yaml"), to: models.appending(path: "word-counts.yaml"))
        try Data("name: python\npriority: 20\nadapters: [adapter.py]\n".utf8)
            .write(to: bundles.appending(path: "python.yaml"))
        let own = models.appending(path: "sentence-transformers__all-MiniLM-L6-v2.yaml")
        let document = try String(contentsOf: own, encoding: .utf8) + "\nweights_path: \(try Tools.miniLM())\n"
        try Data(document.utf8).write(to: own)
        return ["SIE_BUNDLES_DIR": bundles.path, "SIE_MODELS_DIR": models.path]
    }
}
