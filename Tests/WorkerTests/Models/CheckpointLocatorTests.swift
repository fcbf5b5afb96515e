import Catalog
import Foundation
import Testing
import Worker
import YAML

@Suite("Where a model's weights are")
final class CheckpointLocatorTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: "weights-\(UUID().uuidString)")

    deinit { try? FileManager.default.removeItem(at: folder) }

    func make(_ path: String, file: String? = nil) throws -> String {
        let url = folder.appending(path: path)
        if let file {
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(file.utf8).write(to: url)
        } else {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        }
        return url.path
    }

    func model(_ lines: String) throws -> ModelConfig {
        try ModelConfig(
            try YAMLNode(parsing: "sie_id: org/name\n\(lines)\nprofiles:\n  default:\n    adapter_path: a:B\n"))
    }

    @Test("weights_path wins over the hub's cache")
    func weightsPath() throws {
        let own = try make("own")
        _ = try make("models--org--name/snapshots/abc")
        let found = try CheckpointLocator(weightCache: folder.path)
            .directory(for: model("hf_id: org/name\nweights_path: \(own)"))
        #expect(found == own)
    }

    @Test("the cache is read as the hub lays it out: reference, named revision, any snapshot")
    func hubCache() throws {
        let locator = CheckpointLocator(weightCache: folder.path)
        let first = try make("models--org--name/snapshots/aaa")
        let second = try make("models--org--name/snapshots/bbb")
        #expect(try locator.directory(for: model("hf_id: org/name")) == first)
        _ = try make("models--org--name/refs/main", file: "bbb\n")
        #expect(try locator.directory(for: model("hf_id: org/name")) == second)
        #expect(try locator.directory(for: model("hf_id: org/name\nhf_revision: aaa")) == first)
    }

    @Test(
        "what is not there is told by name",
        arguments: ["weights_path: /none", "hf_id: org/name", "hf_id: org/name\nhf_revision: zzz", "hf_id: ../etc", ""])
    func missing(_ lines: String) throws {
        let model = try model(lines)
        #expect(throws: CheckpointLocator.Missing.self) {
            try CheckpointLocator(weightCache: folder.path).directory(for: model)
        }
    }
}
