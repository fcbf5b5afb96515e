import Catalog
import Foundation
import Gateway
import Glibc
import JSONStream
import NATSClient
import NIOCore
import NIOHTTP1
import Observability
import TestSupport
import Testing

/// The mirror behind the original control plane, sie-config 0.10.1, as it comes from its package.
@Suite("Mirroring the original control plane", .timeLimit(.minutes(2)), .serialized)
struct OriginalConfigTests {
    /// A running sie-config 0.10.1 with folders of its own, which can be started again on the same port.
    private final class Original: Sendable {
        static let token = "read-and-write"

        let port: Int
        private let folder: URL
        private let natsURL: String

        init(natsURL: String) throws {
            self.natsURL = natsURL
            port = try NATSServerProcess.freePort()
            folder = FileManager.default.temporaryDirectory.appending(path: "original-config-\(UUID().uuidString)")
            for name in ["bundles", "models", "store"] {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: name), withIntermediateDirectories: true)
            }
            try write("bundles/default.yaml", "name: default\npriority: 10\nadapters: [st, ce]\n")
            try write("models/base.yaml", OriginalConfigTests.document("org/base"))
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        var url: String { "http://127.0.0.1:\(port)" }

        func write(_ path: String, _ text: String) throws {
            try Data(text.utf8).write(to: folder.appending(path: path))
        }

        func start() async throws -> ProgramProcess {
            let program = try ProgramProcess(
                try Tools.originalConfig(), arguments: ["serve", "--host", "127.0.0.1", "--port", "\(port)"],
                environment: [
                    "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
                    "SIE_MODELS_DIR": folder.appending(path: "models").path,
                    "SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
                    "SIE_NATS_URL": natsURL, "POD_NAME": "sie-config-0", "SIE_ADMIN_TOKEN": Self.token,
                ])
            let start = ContinuousClock.now
            while (try? await HTTPTestClient(port: port).send(.GET, "/readyz").status) != 200 {
                guard program.isRunning, .now - start < .seconds(60) else {
                    throw ProgramProcess.Timeout(description: "sie-config did not start\n\(program.standardError)")
                }
                try await Task.sleep(for: .milliseconds(20))
            }
            return program
        }

        @discardableResult
        func send(_ method: HTTPMethod, _ path: String, _ body: String = "") async throws -> HTTPTestClient.Reply {
            let start = ContinuousClock.now
            while true {
                let reply = try await HTTPTestClient(port: port).send(
                    method, path, headers: ["authorization": "Bearer \(Self.token)"], body: ByteBuffer(string: body))
                // While it is not connected to NATS it takes no writes.
                if reply.status == 503, .now - start < .seconds(15) {
                    try await Task.sleep(for: .milliseconds(20))
                    continue
                }
                try #require(200..<300 ~= reply.status, "\(method) \(path): \(reply.status) \(reply.text)")
                return reply
            }
        }
    }

    private static func document(_ id: String, profile: String = "default", tokens: Int = 8) -> String {
        """
        sie_id: \(id)
        hf_id: \(id)
        tasks: {encode: {dense: {dim: 4}}}
        profiles:
          \(profile): {adapter_path: "st:A", max_batch_tokens: \(tokens)}

        """
    }

    private static func with(
        pollInterval: Duration, _ body: @Sendable (Original, ConfigMirrorTests.Running) async throws -> Void
    ) async throws {
        try await ConfigMirrorTests.withNATS { server, connection in
            let original = try Original(natsURL: server.url)
            let process = try await original.start()
            try await ConfigMirrorTests.with(
                url: original.url, connection: connection, pollInterval: pollInterval, token: Original.token
            ) { running in
                try await running.wait { $0.modelIDs == ["org/base"] && $0.bundles.map(\.id) == ["default"] }
                try await body(original, running)
            }
            withExtendedLifetime(process) {}
        }
    }

    @Test("its snapshot is taken, and models and profiles that are added to it arrive as deltas")
    func deltas() async throws {
        try await Self.with(pollInterval: .seconds(3600)) { original, running in
            #expect(running.mirror.current.epoch == 0)
            try await original.send(.POST, "/v1/configs/models", Self.document("org/new"))
            try await running.wait { $0.modelID(matching: "ORG/new") == "org/new" }
            try await original.send(.POST, "/v1/configs/models", Self.document("org/new", profile: "fast"))
            try await running.wait { $0.model(named: "org/new")?.profile(named: "fast") != nil }
            #expect(running.mirror.current.epoch == 2)
        }
    }

    @Test("what it replaces and deletes arrives with the next poll, and so do bundles that change while it is away")
    func polls() async throws {
        try await ConfigMirrorTests.withNATS { server, connection in
            let original = try Original(natsURL: server.url)
            let first = try await original.start()
            try await ConfigMirrorTests.with(
                url: original.url, connection: connection, pollInterval: .milliseconds(50), token: Original.token
            ) { running in
                func tokens(_ registry: Registry) -> Int? {
                    registry.model(named: "org/new")?.profile(named: "default")?.maxBatchTokens
                }
                try await original.send(.POST, "/v1/configs/models", Self.document("org/new"))
                try await running.wait { tokens($0) == 8 }
                try await original.send(.PUT, "/v1/configs/models/org/new", Self.document("org/new", tokens: 99))
                try await running.wait { tokens($0) == 99 }
                try await original.send(.DELETE, "/v1/configs/models/org/new")
                try await running.wait { $0.modelIDs == ["org/base"] }
                #expect(running.mirror.current.epoch == 3)
                #expect(running.metrics.degraded.value == 0)

                first.signal(SIGKILL)
                try await first.exitCode()
                try original.write("bundles/extra.yaml", "name: extra\npriority: 5\nadapters: [st]\n")
                let second = try await original.start()
                try await running.wait { $0.bundles.map(\.id) == ["extra", "default"] }
                #expect(running.mirror.current.epoch == 3)
                withExtendedLifetime(second) {}
            }
        }
    }

    @Test("it hashes what workers have otherwise than release 0.3.1 does, which gateways and workers here follow")
    func hashes() async throws {
        try await Self.with(pollInterval: .seconds(3600)) { original, running in
            let reply = try await original.send(.GET, "/v1/configs/export")
            let export = try reply.body.withUnsafeReadableBytes { try JSONReader.decode($0) }
            let theirs = try #require(export["bundle_config_hashes"]?["default"]?.stringValue)
            let ours = running.mirror.current.registry.bundleConfigHash(of: "default")
            #expect(theirs.utf8.count == 64 && ours.utf8.count == 64 && theirs != ours)
        }
    }
}
