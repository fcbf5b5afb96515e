import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Durability and consistency")
struct DurabilityTests {
    private final class Folder: Sendable {
        let url = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID().uuidString)")

        init() throws {
            try FileManager.default.createDirectory(
                at: url.appending(path: "bundles"), withIntermediateDirectories: true)
            try Data("adapters: [acme.enc]\n".utf8).write(to: url.appending(path: "bundles/default.yaml"))
        }

        deinit { try? FileManager.default.removeItem(at: url) }

        func serve(_ environment: [String: String] = [:]) async throws -> ProductProcess {
            let directories = [
                "SIE_BUNDLES_DIR": url.appending(path: "bundles").path,
                "SIE_MODELS_DIR": url.appending(path: "models").path,
                "SIE_CONFIG_STORE_DIR": url.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
            ]
            return try await ProductProcess("sie-config", environment: directories.merging(environment) { $1 }) {
                port in
                ["serve", "--host", "127.0.0.1", "--port", "\(port)"]
            }
        }
    }

    private func add(_ id: String, to service: ProductProcess) async throws -> Int {
        let body = "sie_id: \(id)\nprofiles: {default: {adapter_path: 'acme.enc:A', max_batch_tokens: 1}}\n"
        return try await HTTPTestClient(port: service.port).post("/v1/configs/models", body: ByteBuffer(string: body))
            .status
    }

    private func json(_ path: String, of service: ProductProcess) async throws -> JSONValue {
        let reply = try await HTTPTestClient(port: service.port).send(.GET, path)
        return try JSONReader.decode(reply.body.readableBytesView)
    }

    @Test("killed at any moment, the service comes back with every acknowledged write and no lower epoch")
    func kill() async throws {
        let folder = try Folder()
        var acknowledged: [String] = []
        var epoch = 0
        for round in 0..<4 {
            let service = try await folder.serve()
            let ids =
                try await json("/v1/configs/models", of: service)["models"]?.arrayValue?
                .compactMap { $0["model_id"]?.stringValue } ?? []
            #expect(Set(acknowledged).isSubset(of: ids))
            let restored = try await json("/v1/configs/epoch", of: service)["epoch"]?.intValue ?? -1
            #expect(restored >= epoch)
            epoch = restored
            // Writes go on until the service is gone; what was answered counts.
            let writer = Task {
                var ids: [String] = []
                for index in 0..<10_000 {
                    guard let status = try? await add("r\(round)/m\(index)", to: service) else { break }
                    #expect(status == 201)
                    ids.append("r\(round)/m\(index)")
                }
                return ids
            }
            try await Task.sleep(for: .milliseconds(150))
            service.signal(SIGKILL)
            acknowledged += await writer.value
        }
        #expect(!acknowledged.isEmpty)
    }

    @Test("no export shows an epoch above the writes visible in it, and none is lost, during a storm of writes")
    func storm() async throws {
        let folder = try Folder()
        let service = try await folder.serve()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    for index in 0..<25 { try #expect(await add("w\(writer)/m\(index)", to: service) == 201) }
                }
            }
            for _ in 0..<40 {
                let export = try await json("/v1/configs/export", of: service)
                let models = export["models"]?.arrayValue?.count ?? 0
                #expect(export["epoch"]?.intValue ?? .max <= models)
            }
            try await group.waitForAll()
        }
        #expect(try await json("/v1/configs/epoch", of: service)["epoch"] == 100)
    }

    @Test("no token appears in the logs")
    func tokens() async throws {
        let folder = try Folder()
        let service = try await folder.serve(["SIE_ADMIN_TOKEN": "very-secret-admin", "SIE_LOG_LEVEL": "debug"])
        let client = HTTPTestClient(port: service.port)
        for token in ["very-secret-admin", "wrong-guess"] {
            let body = ByteBuffer(string: "sie_id: a\nprofiles: {default: {adapter_path: 'acme.enc:A'}}\n")
            let status = try await client.post(
                "/v1/configs/models", headers: ["authorization": "Bearer \(token)"], body: body
            ).status
            #expect(status == (token == "wrong-guess" ? 403 : 201))
        }
        service.signal(SIGTERM)
        #expect(try await service.exitStatus(within: .seconds(10)) == 0)
        #expect(service.log.contains("config.add_model"))
        #expect(!service.log.contains("very-secret-admin") && !service.log.contains("wrong-guess"))
    }
}
