import Catalog
import Foundation
import Testing

@Suite("Directories of a catalogue")
struct CatalogDirectoryTests {
    private func withFolder(_ files: [String: String], _ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "catalog-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files { try Data(text.utf8).write(to: folder.appending(path: name)) }
        try body(folder.path)
    }

    private static let model = "sie_id: a\nprofiles: {default: {adapter_path: 'st:A'}}\n"

    @Test("what cannot be used is left out and told, file by file; who needs all of it is told of the first")
    func mistakes() throws {
        let files = ["a.yaml": Self.model, "b.yaml": "{[", "c.yaml": "hf_id: x\n", "d.yml": "{[", "notes.txt": "{["]
        try withFolder(files) { path in
            let models = CatalogDirectory(path).models()
            #expect(models.files.map(\.name) == ["a.yaml"] && models.files.map(\.text) == [Self.model])
            #expect(models.problems.map(\.path) == ["\(path)/b.yaml", "\(path)/c.yaml"])
            let error = #expect(throws: CatalogError.self) { try models.complete() }
            #expect(error?.description.contains("b.yaml") == true)
        }
        try withFolder(["a.yaml": Self.model]) { path in
            let models = CatalogDirectory(path).models()
            #expect(models.problems.isEmpty)
            let complete = try models.complete()
            #expect(complete.map(\.content.id) == ["a"])
        }
    }

    @Test("a directory that is not there is an empty one to who goes on, and a mistake to who needs all of it")
    func missing() throws {
        try withFolder([:]) { path in
            let empty = try CatalogDirectory(path).bundles()
            #expect(empty.problems.isEmpty)
            let bundles = try CatalogDirectory("\(path)/none").bundles()
            #expect(bundles.files.isEmpty && bundles.problems.map(\.path) == ["\(path)/none"])
            #expect(throws: CatalogError.self) { try bundles.complete() }
        }
    }

    @Test("of several files with one id the last counts")
    func registry() throws {
        let second = "sie_id: a\nprofiles: {default: {adapter_path: 'st:B'}}\n"
        try withFolder(["1.yaml": Self.model, "2.yaml": second]) { models in
            try withFolder(["default.yaml": "adapters: [st]\n"]) { bundles in
                let registry = Registry(
                    bundles: try CatalogDirectory(bundles).bundles().complete(),
                    models: try CatalogDirectory(models).models().complete())
                #expect(registry.bundles(servingModel: "a") == ["default"])
                #expect(registry.models["a"]?.profile(named: "default")?.adapterPath == "st:B")
            }
        }
    }
}
