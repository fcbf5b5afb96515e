import Foundation
import Logging
import MessagePack
import NIOCore
import NIOPosix
import TestSupport

/// The real gateway with a nats-server, as processes, and a responder in this process that answers at once.
struct GatewayStack {
    static let pool = "bench"

    let nats: NATSServerProcess
    let gateway: ProductProcess
    let responder: InstantResponder
    private let seeds: URL

    /// - Parameters:
    ///   - takesBatches: whether the responder takes several items in one message, and the gateway hears of it.
    ///   - models: how many the gateway knows.
    static func start(
        on group: any EventLoopGroup, environment: [String: String] = [:], takesBatches: Bool = false, models: Int = 1
    ) async throws -> GatewayStack {
        let nats = try await NATSServerProcess()
        let seeds = try writeSeeds(models: models)
        let responder = try await InstantResponder(
            url: nats.url, pool: pool, dimensions: 384, takesBatches: takesBatches, eventLoop: group.next())
        var environment = environment
        if takesBatches { environment["SIE_GATEWAY_HEALTH_MODE"] = "nats" }
        let gateway = try await ProductProcess(
            "sie-gateway", environment: environment.merging(["SIE_NATS_URL": nats.url]) { $1 }
        ) { port in
            [
                "serve", "--host", "127.0.0.1", "--port", "\(port)", "--log-level", "error",
                "--bundles-dir", seeds.appending(path: "bundles").path,
                "--models-dir", seeds.appending(path: "models").path,
            ]
        }
        return GatewayStack(nats: nats, gateway: gateway, responder: responder, seeds: seeds)
    }

    func stop() async throws {
        await responder.stop()
        try await gateway.kill()
        try FileManager.default.removeItem(at: seeds)
    }

    /// The gateway's processor time for each request of a load.
    func gatewayMicroseconds(
        _ load: () async throws -> HTTPLoad.Outcome
    ) async throws -> (microseconds: Double, outcome: HTTPLoad.Outcome) {
        let id = gateway.program.processIdentifier
        let before = ProcessorTime.of(process: id)
        let outcome = try await load()
        return ((ProcessorTime.of(process: id) - before) / Double(max(1, outcome.requests)) * 1e6, outcome)
    }

    /// A whole encode request of `items` texts.
    ///
    /// - Parameters:
    ///   - sendsJSON: the body's form.
    ///   - wantsJSON: the answer's form.
    static func request(
        port: Int, items: Int = 1, textBytes: Int, sendsJSON: Bool = false, wantsJSON: Bool = false
    ) -> ByteBuffer {
        let text = String(repeating: "embedding ", count: textBytes / 10)
        let body: [UInt8]
        if sendsJSON {
            let item = #"{"text":"\#(text)"}"#
            body = Array(#"{"items":[\#(Array(repeating: item, count: items).joined(separator: ","))]}"#.utf8)
        } else {
            let item = MessagePackValue.map([MessagePackPair("text", .string(text))])
            body = MessagePackWriter.encode(
                .map([MessagePackPair("items", .array(Array(repeating: item, count: items)))]))
        }
        var request = ByteBuffer(
            string: """
                POST /v1/encode/bench/model HTTP/1.1\r
                Host: 127.0.0.1:\(port)\r
                Content-Type: application/\(sendsJSON ? "json" : "msgpack")\r
                Accept: application/\(wantsJSON ? "json" : "msgpack")\r
                X-SIE-SDK-Version: 0.10.1\r
                X-SIE-Pool: \(pool)\r
                Content-Length: \(body.count)\r
                \r

                """)
        request.writeBytes(body)
        return request
    }

    private static func writeSeeds(models: Int) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sie-bench-\(UUID().uuidString)")
        func model(_ id: String) -> String {
            "sie_id: \(id)\nprofiles: {default: {adapter_path: 'bench:A', max_batch_tokens: 1}}\n"
        }
        let files =
            [("bundles/default.yaml", "name: default\npriority: 10\nadapters: [bench]\n")]
            + [("models/bench.yaml", model("bench/model"))]
            + (1..<max(1, models)).map { ("models/other-\($0).yaml", model("bench/other-\($0)")) }
        for (path, text) in files {
            let file = folder.appending(path: path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }
        return folder
    }
}
