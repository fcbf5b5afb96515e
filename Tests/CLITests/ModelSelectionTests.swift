import CLI
import Foundation
import Testing
import YAML

@Suite struct ModelSelectionTests {
    private let folder: TemporaryFolder
    private let catalog: ShippedCatalog

    init() throws {
        folder = try TemporaryFolder()
        try folder.write("name: default\n", to: "catalog/bundles/default.yaml")
        try folder.write(
            "sie_id: org/Known-Model\nhf_id: hub/Known-Model\nmax_sequence_length: 256\n",
            to: "catalog/models/org__Known-Model.yaml")
        catalog = try ShippedCatalog.locate(sie: "/nowhere/sie", override: "\(folder.path)/catalog")
    }

    private func select(_ directories: [String], environment: [String: String] = [:]) throws(UpError)
        -> [ModelSelection.Model]
    {
        try ModelSelection.models(
            named: directories.map { "\(folder.path)/\($0)" }, catalog: catalog, environment: environment)
    }

    @Test("a checkpoint whose directory bears a known model's name is served under that name, with its weights' place")
    func known() throws {
        try folder.writeCheckpoint("known-model")
        let model = try #require(try select(["known-model"]).first)
        #expect(model.id == "org/Known-Model")
        let document = try YAMLNode(parsing: model.yaml)
        #expect(document["weights_path"]?.string == "\(folder.path)/known-model")
        #expect(document["max_sequence_length"]?.integer == 256)
    }

    @Test("an unknown checkpoint is served under its directory's name, with its own sizes")
    func unknown() throws {
        try folder.writeCheckpoint("my-model", hiddenSize: 48)
        try folder.write(#"{"max_seq_length": 77}"#, to: "my-model/sentence_bert_config.json")
        let model = try #require(try select(["my-model"]).first)
        #expect(model.id == "my-model")
        let document = try YAMLNode(parsing: model.yaml)
        #expect(document["tasks"]?["encode"]?["dense"]?["dim"]?.integer == 48)
        #expect(document["max_sequence_length"]?.integer == 77)
        #expect(document["profiles"]?["default"]?["adapter_path"]?.string?.contains(":") == true)
    }

    @Test("without a named directory, the catalog's models are taken from the hub's cache")
    func cache() throws {
        try folder.writeCheckpoint("hub/models--hub--Known-Model/snapshots/abc")
        try folder.writeCheckpoint("hub/models--hub--Known-Model/snapshots/zzz")
        try folder.write("abc\n", to: "hub/models--hub--Known-Model/refs/main")
        let model = try #require(try select([], environment: ["HF_HOME": folder.path]).first)
        #expect(model.id == "org/Known-Model")
        #expect(try YAMLNode(parsing: model.yaml)["weights_path"]?.string?.hasSuffix("/snapshots/abc") == true)
    }

    @Test("no model at all is an error that names the ways to give one")
    func none() {
        let error = #expect(throws: UpError.self) { try select([], environment: ["HF_HOME": folder.path]) }
        #expect(error?.remedy.contains("--model-dir") == true)
    }

    @Test("a model named twice is an error")
    func twice() throws {
        try folder.writeCheckpoint("known-model")
        #expect(throws: UpError.self) { try select(["known-model", "known-model"]) }
    }

    @Test("a hub cache's path gives the repository's name")
    func names() {
        #expect(ModelSelection.name(of: "/c/hub/models--org--name/snapshots/abc") == "org/name")
        #expect(ModelSelection.name(of: "/models/all-MiniLM-L6-v2") == "all-MiniLM-L6-v2")
    }

    @Test("a checkpoint that lacks a file, or has a part of its weights, is named with what is wrong")
    func broken() throws {
        try folder.writeCheckpoint("m")
        for (file, text) in [("config.json", "{"), ("model.safetensors", "version https://git-lfs")] {
            try folder.writeCheckpoint("m")
            try folder.write(text, to: "m/\(file)")
            let error = #expect(throws: UpError.self) { try select(["m"]) }
            #expect(error?.problem.contains(file) == true)
        }
        for file in ["config.json", "tokenizer.json", "model.safetensors"] {
            try folder.writeCheckpoint("m")
            try FileManager.default.removeItem(atPath: "\(folder.path)/m/\(file)")
            let error = #expect(throws: UpError.self) { try select(["m"]) }
            #expect(error?.problem.contains(file == "model.safetensors" ? ".safetensors" : file) == true)
        }
        let error = #expect(throws: UpError.self) { try select(["absent"]) }
        #expect(error?.problem.contains("does not exist") == true)
    }

    @Test("the catalog is found in the directories above the program")
    func catalogAbove() throws {
        let found = try ShippedCatalog.locate(sie: "\(folder.path)/.build/release/sie", override: nil)
        #expect(found == catalog)
        #expect(found.models.map(\.id) == ["org/Known-Model"])
    }
}
