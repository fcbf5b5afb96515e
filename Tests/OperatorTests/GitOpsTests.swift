import FoundationEssentials
import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing
import YAML

/// What Argo CD and Flux make of the custom resources.
@Suite("Custom resources in GitOps")
struct GitOpsTests {
    private struct Health: Decodable {
        private enum CodingKeys: String, CodingKey {
            case sentence = "case"
            case object, argocd, argocdMessage, kstatus
        }

        var sentence: String
        var object: JSONValue
        var argocd: String
        var argocdMessage: String
        var kstatus: KStatus
    }

    private func table() throws -> [Health] {
        try JSONValue(try YAMLNode(parsing: try Fixtures.text("operator/health.yaml"))).decode()
    }

    private func text(_ path: String) throws -> String {
        String(decoding: try Data(contentsOf: Fixtures.repository.appending(path: path)), as: UTF8.self)
    }

    @Test(
        "Argo CD's script tells the health of each object of the table, without any library of Lua",
        .enabled(if: PythonProcess.isInstalled), .timeLimit(.minutes(1)))
    func argoCD() async throws {
        let table = try table()
        let objects = String(decoding: JSONWriter.encode(.array(table.map(\.object))), as: UTF8.self)
        let lines = try await PythonProcess.run(
            """
            import json, sys
            from lupa.lua51 import LuaRuntime

            def table(lua, value):
                if isinstance(value, dict):
                    return lua.table_from({key: table(lua, inner) for key, inner in value.items()})
                if isinstance(value, list):
                    return lua.table_from([table(lua, inner) for inner in value])
                return value

            for object in json.loads(sys.argv[2]):
                lua = LuaRuntime()
                # What Argo CD leaves of the globals.
                lua.execute("for name in pairs(_G) do if name ~= 'ipairs' and name ~= 'pairs' and name ~= 'tostring' "
                            "and name ~= 'next' and name ~= 'type' and name ~= '_G' then _G[name] = nil end end")
                health = lua.eval("function(obj) " + sys.argv[1] + " end")(table(lua, object))
                print(json.dumps([health["status"], health["message"]]))
            """, arguments: [try text("gitops/argocd/health.lua"), objects])
        try #require(lines.count == table.count && table.count > 10)
        for (entry, line) in zip(table, lines) {
            let health: [String] = try JSONReader.decode(line.utf8).decode()
            #expect(health == [entry.argocd, entry.argocdMessage], "\(entry.sentence)")
        }
    }

    @Test("kstatus, by which Flux waits, tells the state of each object of the table")
    func flux() throws {
        for entry in try table() { #expect(KStatus(of: entry.object) == entry.kstatus, "\(entry.sentence)") }
    }

    @Test(
        "no object of the table is current to Flux while Argo CD finds it degraded, or healthy while it is not current")
    func agreement() throws {
        for entry in try table() {
            if entry.argocd == "Degraded" { #expect(entry.kstatus == .failed, "\(entry.sentence)") }
            if entry.argocd == "Healthy" { #expect(entry.kstatus == .current, "\(entry.sentence)") }
        }
    }

    @Test("the settings for Argo CD hold the script for each of the three kinds", .timeLimit(.minutes(1)))
    func settings() async throws {
        let program = try ProgramProcess(
            try Tools.kubectl(),
            arguments: ["kustomize", Fixtures.repository.appending(path: "gitops/argocd").path])
        #expect(try await program.exitCode() == 0, "\(program.standardError)")
        let map = try JSONValue(try YAMLNode(parsing: program.standardOutput))
        #expect(map["kind"] == "ConfigMap" && map["metadata"]?["name"] == "argocd-cm")
        let script = JSONValue.string(try text("gitops/argocd/health.lua"))
        let kinds = [SIEModel.resourceType, SIEPool.resourceType, SIEBundle.resourceType]
        #expect(map["data"]?.objectValue?.count == kinds.count)
        for type in kinds {
            #expect(map["data"]?["resource.customizations.health.\(type.group)_\(type.kind)"] == script)
        }
    }

    @Test(
        "the examples are good objects, and come in waves in the order in which they need each other",
        .timeLimit(.minutes(1)))
    func examples() async throws {
        let program = try ProgramProcess(
            try Tools.kubectl(),
            arguments: ["kustomize", Fixtures.repository.appending(path: "examples/operator").path])
        #expect(try await program.exitCode() == 0, "\(program.standardError)")
        var waves: [String: Int] = [:]
        for document in program.standardOutput.split(separator: "\n---\n") {
            let object = try JSONValue(try YAMLNode(parsing: String(document)))
            let kind = object["kind"]?.stringValue ?? ""
            waves[kind] = Int(object["metadata"]?["annotations"]?["argocd.argoproj.io/sync-wave"]?.stringValue ?? "")
            switch kind {
            case "SIEModel": #expect(try object.decode(SIEModel.self).issues() == [])
            case "SIEPool": #expect(try object.decode(SIEPool.self).issues() == [])
            case "SIEBundle": #expect(try object.decode(SIEBundle.self).issues() == [])
            default: Issue.record("an example of kind \(kind)")
            }
        }
        #expect(waves == ["SIEBundle": 0, "SIEModel": 1, "SIEPool": 2])
    }
}
