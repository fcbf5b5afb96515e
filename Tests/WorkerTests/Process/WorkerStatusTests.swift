import Catalog
import Foundation
import JSONStream
import NATSClient
import NIOCore
import TestSupport
import Testing
import Wire
import YAML

@Suite("What the worker says of itself", .serialized, .enabled(if: RunningWorker.canRun), .timeLimit(.minutes(2)))
struct WorkerStatusTests {
    /// A model that the catalogue of the tests does not have.
    static func announced(_ id: String) throws -> String {
        """
        sie_id: \(id)
        weights_path: \(try Tools.miniLM())
        tasks: {encode: {dense: {dim: 384}}}
        profiles:
          default:
            adapter_path: sie_server.adapters.sentence_transformer:SentenceTransformerDenseAdapter
            max_batch_tokens: 1024
            adapter_options: {loadtime: {}, runtime: {}}
        """
    }

    /// The hash that the control plane computes of the served bundle with these models beside the shipped one.
    static func expectedHash(with models: [String] = []) throws -> String {
        let folder = Fixtures.repository.appending(path: "catalog")
        var registry = Registry(
            bundles: try CatalogDirectory(folder.appending(path: "bundles").path).bundles().files.map(\.content))
        let shipped = CatalogDirectory(try RunningWorker.catalog().path).models()
        for file in shipped.files { registry.insert(file.content) }
        for id in models { registry.insert(try ModelConfig(try YAMLNode(parsing: try announced(id)))) }
        return registry.bundleConfigHash(of: "default")
    }

    static func announce(_ id: String, epoch: UInt64, on sender: WorkSender) async throws {
        let delta = ConfigDelta(
            producerID: "sie-config", bundleID: "default", epoch: epoch, bundleConfigHash: "", modelID: id,
            profilesAdded: ["default"], modelConfig: try announced(id), affectedBundles: ["default"])
        try sender.connection.publish(
            Subjects.configDeltas(bundle: "default"), payload: .init(bytes: delta.encoded()))
        try await sender.connection.flush()
    }

    @Test("the status stream has every field of the contract, with the lane, the models and their counters")
    func fields() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        try await withSender(to: nats) { sender in
            try await sender.send(["one", "two", "three"], request: "counted")
            _ = try await sender.answers("counted", count: 3)
        }
        let expectedHash = try Self.expectedHash()
        let port = worker.port
        try await StatusReader.read(port: port) { next in
            let first = try await next()
            let recorded = try JSONReader.decode(Array(try Fixtures.data("worker/ws_status_message.json")))
            for member in try #require(recorded.objectValue) {
                #expect(first[member.key]?.typeName == member.value.typeName, "\(member.key)")
            }
            #expect(first["ready"] == true)
            #expect(first["name"]?.stringValue == "worker-\(port)")
            #expect(first["machine_profile"] == "cpu")
            #expect(first["pool_name"] == "default")
            #expect(first["bundle"] == "default")
            #expect(first["bundle_config_hash"]?.stringValue == expectedHash)
            #expect(first["gpu_count"] == 0)
            #expect(first["gpus"]?.arrayValue?.isEmpty == true)
            #expect(first["loaded_models"] == [.string(RunningWorker.model)])
            #expect(first["counters"]?["sie_requests"]?[RunningWorker.model]?.doubleValue == 3)
            #expect(first["counters"]?["sie_pull_loop_model_loads"]?[RunningWorker.model]?.doubleValue == 1)
            let model = try #require(first["models"]?.arrayValue?.first)
            let template = try #require(recorded["models"]?.arrayValue?.first)
            for member in template.objectValue ?? [] where member.key != "adaptive_batching" {
                #expect(model[member.key]?.typeName == member.value.typeName, "models[].\(member.key)")
            }
            #expect(model["name"]?.stringValue == RunningWorker.model)
            #expect(model["state"] == "loaded")
            #expect(model["device"] == "cpu")
            #expect((model["memory_bytes"]?.intValue ?? 0) > 80_000_000)
            #expect(model["config"]?["dims"]?["dense"] == 384)
            #expect(model["config"]?["max_sequence_length"] == 256)
            #expect(model["queue_depth"] == 0)
            // The next one comes by itself.
            let second = try await next()
            #expect((second["timestamp"]?.doubleValue ?? 0) > (first["timestamp"]?.doubleValue ?? 0))
        }
    }

    @Test("an announced model changes the bundle's hash to the control plane's, which acknowledges it")
    func acknowledgement() async throws {
        let nats = try await NATSServerProcess()
        let worker = try RunningWorker(nats: nats, catalog: try RunningWorker.catalog())
        try await worker.waitUntilReady()
        let (before, after) = (try Self.expectedHash(), try Self.expectedHash(with: ["org/announced"]))
        #expect(before != after)
        try await withSender(to: nats) { sender in
            try await StatusReader.read(port: worker.port) { next in
                #expect(try await next()["bundle_config_hash"]?.stringValue == before)
                try await Self.announce("org/announced", epoch: 3, on: sender)
                var hash: String?
                for _ in 0..<50 where hash != after { hash = try await next()["bundle_config_hash"]?.stringValue }
                #expect(hash == after)
                try await Self.announce("org/second", epoch: 4, on: sender)
                let both = try Self.expectedHash(with: ["org/announced", "org/second"])
                for _ in 0..<50 where hash != both { hash = try await next()["bundle_config_hash"]?.stringValue }
                #expect(hash == both)
            }
        }
    }

    @Test("what the control plane knows is read at start, and again when the control plane comes up late")
    func export() async throws {
        let nats = try await NATSServerProcess()
        let catalog = try RunningWorker.catalog()
        let port = try NATSServerProcess.freePort()
        let worker = try RunningWorker(
            nats: nats, catalog: catalog, environment: ["SIE_CONFIG_SERVICE_URL": "http://127.0.0.1:\(port)"])
        // Ready without the control plane: what is on disk is served meanwhile.
        try await worker.waitUntilReady()
        let store = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: store) }
        let exported = FileManager.default.temporaryDirectory.appending(path: "models-\(UUID().uuidString)")
        try FileManager.default.copyItem(at: catalog, to: exported)
        defer { try? FileManager.default.removeItem(at: exported) }
        try Data(try Self.announced("org/exported").utf8).write(
            to: exported.appending(path: "org__exported.yaml"))
        let config = try ProgramProcess(
            try Tools.product("sie-config"), arguments: ["serve", "--host", "127.0.0.1", "--port", "\(port)"],
            environment: [
                "SIE_BUNDLES_DIR": Fixtures.repository.appending(path: "catalog/bundles").path,
                "SIE_MODELS_DIR": exported.path, "SIE_CONFIG_STORE_DIR": store.path,
            ])
        try await withSender(to: nats) { sender in
            let expected = try Self.expectedHash(with: ["org/exported"])
            try await StatusReader.read(port: worker.port) { next in
                var hash: String?
                for _ in 0..<150 where hash != expected { hash = try await next()["bundle_config_hash"]?.stringValue }
                #expect(hash == expected)
            }
            try await sender.send(["x"], request: "exported", model: "org/exported")
            #expect(try await sender.answers("exported", count: 1)[0].vector?.count == 384)
        }
        #expect(config.isRunning)
    }
}
