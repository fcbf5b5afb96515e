import Foundation
import MessagePack
import NIOCore
import NIOHTTP1
import TestSupport

/// A real gateway with a real nats-server and a worker of ours, on ports of their own.
final class RunningGateway: Sendable {
    static let model = "org/mini"
    static let pool = "test"

    let nats: NATSServerProcess
    let worker: TestWorker
    let process: ProductProcess
    let http: HTTPTestClient
    private let folder: URL

    /// - Parameters:
    ///   - natsConfiguration: more lines for nats-server's configuration.
    ///   - credentials: `user:password` of the gateway; the worker has none.
    init(
        environment: [String: String] = [:], natsConfiguration: String = "", credentials: String? = nil
    ) async throws {
        nats = try await NATSServerProcess(configuration: natsConfiguration)
        let gatewayURL = nats.url.replacingOccurrences(
            of: "nats://", with: "nats://\(credentials.map { $0 + "@" } ?? "")")
        folder = try Self.writeSeeds()
        worker = try await TestWorker(url: nats.url, pool: Self.pool, payloads: folder.appending(path: "payloads"))
        process = try await Self.start(
            folder: folder,
            environment: [
                "SIE_NATS_URL": gatewayURL, "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
            ].merging(environment) { $1 })
        http = HTTPTestClient(port: process.port)
        try await waitUntilServing()
    }

    /// The names of the payloads that are stored now.
    var storedPayloads: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "payloads").path)) ?? []
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func start(folder: URL, environment: [String: String]) async throws -> ProductProcess {
        try await ProductProcess("sie-gateway", environment: environment) { port in
            [
                "serve", "--host", "127.0.0.1", "--port", "\(port)", "--log-level", "debug",
                "--bundles-dir", folder.appending(path: "bundles").path,
                "--models-dir", folder.appending(path: "models").path,
            ]
        }
    }

    static func writeSeeds() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "gateway-\(UUID().uuidString)")
        for (path, text) in [
            ("bundles/default.yaml", "name: default\npriority: 10\nadapters: [sie_server.adapters.st]\n"),
            (
                "models/mini.yaml",
                """
                sie_id: \(model)
                profiles:
                  default: {adapter_path: "sie_server.adapters.st:A", max_batch_tokens: 8192}
                  sparse: {adapter_path: "sie_server.adapters.st:A", max_batch_tokens: 8192}

                """
            ),
            (
                "models/dense.yaml",
                """
                sie_id: org/dense
                tasks: {encode: {dense: {dim: 2}}}
                profiles:
                  default:
                    adapter_path: "sie_server.adapters.st:A"
                    max_batch_tokens: 8192
                    adapter_options: {loadtime: {matryoshka_dimensions: [1]}}

                """
            ),
        ] {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return folder
    }

    /// Waits until a request goes through, so that no test races with the gateway's connection to NATS.
    func waitUntilServing() async throws {
        let start = ContinuousClock.now
        while true {
            let reply = try await encode(#"{"items":[{"text":"ready"}]}"#)
            if reply.status == 200 { return }
            guard .now - start < .seconds(15) else {
                throw ProductProcess.Failure.didNotStart("sie-gateway", log: "\(reply.text)\n\(process.log)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Posts JSON to the encode route, pinned to the worker's pool.
    func encode(
        _ json: String, path: String = "/v1/encode/\(model)", headers: HTTPHeaders = [:]
    ) async throws -> HTTPTestClient.Reply {
        var all: HTTPHeaders = ["content-type": "application/json", "x-sie-pool": Self.pool]
        for (name, value) in headers { all.replaceOrAdd(name: name, value: value) }
        return try await http.post(path, headers: all, body: ByteBuffer(string: json))
    }
}
