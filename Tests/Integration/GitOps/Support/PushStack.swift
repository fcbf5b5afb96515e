import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TestSupport

/// A config service, a worker and a gateway with tokens, that model configs are pushed to.
final class PushStack: Sendable {
    /// With everything that a shell or a format could take for its own.
    static let adminToken = #"a$HOME%s"b'`c\n*"#
    static let readToken = "reader-7f3a"

    private let nats: NATSServerProcess
    private let config: ProductProcess
    private let worker: ProductProcess
    private let gateway: ProductProcess
    private let folder: URL

    /// The stack that all tests push to. It ends with the test process.
    static let shared = Task { try await PushStack() }

    var configURL: String { "http://127.0.0.1:\(config.port)" }
    var gatewayURL: String { "http://127.0.0.1:\(gateway.port)" }

    init() async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "push-\(UUID().uuidString)")
        nats = try await NATSServerProcess()
        let common = try Self.seeds(folder).merging([
            "SIE_NATS_URL": nats.url, "SIE_ADMIN_TOKEN": Self.adminToken, "SIE_AUTH_TOKEN": Self.readToken,
            "SIE_AUTH_MODE": "token", "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
        ]) { $1 }
        config = try await Self.configService(common, store: folder.appending(path: "store"))
        let served = common.merging(["SIE_CONFIG_SERVICE_URL": "http://127.0.0.1:\(config.port)"]) { $1 }
        worker = try await ProductProcess(
            "sie-worker",
            environment: served.merging([
                "HOSTNAME": "worker-1", "SIE_POOL": "default", "SIE_BUNDLE": "default", "SIE_MACHINE_PROFILE": "cpu",
            ]) { $1 }
        ) { ["serve", "--host", "127.0.0.1", "--port", "\($0)", "--device", "cpu"] }
        gateway = try await ProductProcess(
            "sie-gateway",
            environment: served.merging([
                "SIE_GATEWAY_WORKERS": "http://127.0.0.1:\(worker.port)", "SIE_GATEWAY_CONFIGURED_GPUS": "cpu",
            ]) { $1 }
        ) { ["serve", "--host", "127.0.0.1", "--port", "\($0)"] }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// A config service alone, on a store that outlives it.
    static func configService(_ environment: [String: String], store: URL) async throws -> ProductProcess {
        let process = try await ProductProcess(
            "sie-config",
            environment: environment.merging([
                "SIE_CONFIG_STORE_DIR": store.path, "SIE_CONFIG_RESTORE": "true",
            ]) { $1 }
        ) { ["serve", "--host", "127.0.0.1", "--port", "\($0)"] }
        return process
    }

    /// Writes the product's bundles, and no models.
    static func seeds(_ folder: URL) throws -> [String: String] {
        let (bundles, models) = (folder.appending(path: "bundles"), folder.appending(path: "models"))
        try FileManager.default.createDirectory(at: models, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: Fixtures.repository.appending(path: "catalog/bundles"), to: bundles)
        return ["SIE_BUNDLES_DIR": bundles.path, "SIE_MODELS_DIR": models.path]
    }

    /// The status of a `GET` on the gateway.
    func gatewayStatus(_ path: String, token: String?) async throws -> Int {
        try await Self.get(gatewayURL + path, token: token).status
    }

    /// The document of a model as stored; nil where there is none.
    func storedModel(_ id: String) async throws -> String? {
        let answer = try await Self.get("\(configURL)/v1/configs/models/\(id)", token: Self.adminToken)
        return answer.status == 200 ? answer.text : nil
    }

    func epoch() async throws -> Int {
        struct Epoch: Decodable { var epoch: Int }
        let answer = try await Self.get("\(configURL)/v1/configs/epoch", token: Self.adminToken)
        return try JSONDecoder().decode(Epoch.self, from: Data(answer.text.utf8)).epoch
    }

    static func get(_ url: String, token: String?) async throws -> (status: Int, text: String) {
        var request = HTTPClientRequest(url: url)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        return (Int(response.status.code), String(buffer: try await response.body.collect(upTo: 8 << 20)))
    }

    /// A job of a workflow that pushes to this stack.
    func job(_ workflow: Workflow, in repository: ConfigRepository, before: String = "") -> WorkflowJob {
        var job = WorkflowJob(workflow, in: repository)
        job.before = before
        job.configURL = configURL
        job.gatewayURL = gatewayURL
        job.adminToken = Self.adminToken
        job.readToken = Self.readToken
        return job
    }
}
