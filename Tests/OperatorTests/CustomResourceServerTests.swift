import Foundation
import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

/// The custom resources on a real API server, by its API and by kubectl.
@Suite("Custom resources on a real API server", .enabled(if: KubernetesAPIServer.isInstalled))
struct CustomResourceServerTests {
    /// The first version that knows CEL rules.
    private static let firstWithCEL = 25

    private func path(_ kind: String, _ namespace: String) -> String {
        let plural = ["SIEModel": "siemodels", "SIEPool": "siepools", "SIEBundle": "siebundles"][kind] ?? ""
        return "/apis/sie.dev/v1alpha1/namespaces/\(namespace)/\(plural)"
    }

    @Test("the server decides about the table's objects as the table says", .timeLimit(.minutes(2)))
    func table() async throws {
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let namespace = try await server.namespace()
        let hasCEL = try await server.minorVersion() >= Self.firstWithCEL
        let table = try RuleTable.load()
        var leftOut = 0
        for entry in table.cases {
            if entry.rules != nil, !hasCEL {
                leftOut += 1
                continue
            }
            let collection = path(entry.kind, namespace)
            let object = "\(collection)/\(entry.name ?? "tenant-a")"
            var new = table.new(entry)
            let reply: KubernetesAPIServer.Reply
            if let old = table.old(entry) {
                let kept = try await server.send("POST", collection, old)
                let version = kept["metadata"]?["resourceVersion"] ?? .null
                new = MergePatch.apply(["metadata": ["resourceVersion": version]], to: new)
                reply = try await server.request("PUT", object, new)
            } else {
                reply = try await server.request("POST", collection, new)
            }
            let message = reply.body["message"]?.stringValue ?? ""
            if entry.isAcceptedByServers {
                #expect(200..<300 ~= reply.status, "\(entry.label): \(message)")
            } else {
                #expect(reply.status == 422, "\(entry.label): \(reply.status)")
                let causes = reply.body["details"]?["causes"]?.arrayValue ?? []
                let fields = causes.compactMap { $0["field"]?.stringValue }
                for field in entry.schema ?? [] {
                    // Old servers do not say which element of a list it is.
                    let unnumbered = field.replacing(/\[\d+\]/, with: "")
                    let isNamed = fields.contains { $0.hasPrefix(field) || $0.hasPrefix(unnumbered) }
                    #expect(isNamed, "\(entry.label): \(message)")
                }
                for rule in entry.rules ?? [] {
                    #expect(message.contains(rule), "\(entry.label): \(message)")
                }
            }
            _ = try await server.request("DELETE", object)
        }
        if leftOut > 0 {
            print(
                "LEFT OUT: \(leftOut) of \(table.cases.count) objects are refused by CEL rules, which this server lacks"
            )
        }
    }

    @Test("the server fills in the defaults that Swift has", .timeLimit(.minutes(1)))
    func defaults() async throws {
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let namespace = try await server.namespace()
        let table = try RuleTable.load()
        func check<Object: SIEResource>(_ type: Object.Type, _ sentence: String) async throws {
            let kind = type.resourceType.kind
            let entry = try #require(table.cases.first { $0.kind == kind && $0.sentence == sentence })
            let document = table.new(entry)
            let kept = try await server.send("POST", path(kind, namespace), document)
            let filled = kept["spec"] ?? .null
            #expect(filled != document["spec"])
            let (left, right): (Object, Object) = (try document.decode(), try kept.decode())
            #expect(left.spec.value != nil && right.spec.value != nil)
            // Whatever the order: servers sort the members of open objects.
            #expect(try MergePatch.difference(from: JSONValue(encoding: left.spec), to: filled) == .object([]))
        }
        try await check(SIEModel.self, "the smallest model")
        try await check(SIEPool.self, "the smallest pool")
        try await check(SIEBundle.self, "a bundle with workers")
    }

    @Test(
        "a status is written beside the spec, and a write that changes nothing leaves the version",
        .timeLimit(.minutes(1)))
    func status() async throws {
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let namespace = try await server.namespace()
        let table = try RuleTable.load()
        let entry = try #require(table.cases.first)
        let kept: SIEModel = try await server.send("POST", path("SIEModel", namespace), table.new(entry)).decode()
        #expect(kept.metadata.generation == 1 && kept.status?.observedGeneration == -1 && !kept.isObserved)
        var status = SIEModel.Status()
        status.observedGeneration = 1
        status.conditions.set(
            .ready, .true, reason: ModelReason.routable, message: "2 of 2 gateways route BAAI/bge-m3", generation: 1,
            now: Timestamp(secondsSince1970: 1_790_000_000))
        status.summary = "2/2 gateways"
        let patch: JSONValue = ["status": try JSONValue(encoding: status)]
        let object = "\(path("SIEModel", namespace))/tenant-a"
        let merge = "application/merge-patch+json"
        let written: SIEModel = try await server.send("PATCH", "\(object)/status", patch, type: merge).decode()
        #expect(written.status == status)
        #expect(written.metadata.generation == 1)
        let again: SIEModel = try await server.send("PATCH", "\(object)/status", patch, type: merge).decode()
        #expect(again.metadata.resourceVersion == written.metadata.resourceVersion)
    }

    @Test(
        "kubectl installs the definitions, lists the kinds together, explains them and scales a pool",
        .timeLimit(.minutes(2)))
    func kubectl() async throws {
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let namespace = try await server.namespace()
        let configuration = try server.kubeconfig(namespace: namespace)
        func kubectl(_ arguments: String...) async throws -> (code: Int32, output: String, errors: String) {
            let program = try ProgramProcess(
                try Tools.kubectl(), arguments: arguments, environment: ["KUBECONFIG": configuration])
            let code = try await program.exitCode()
            return (code, program.standardOutput, program.standardError)
        }
        // Servers without CEL do not know the field that holds its rules, and drop it where they may.
        let lenient = try await server.minorVersion() < Self.firstWithCEL ? ["--validate=false"] : []
        let folder = Fixtures.repository.appending(path: "crds").path
        let program = try ProgramProcess(
            try Tools.kubectl(), arguments: ["apply", "-k", folder] + lenient,
            environment: ["KUBECONFIG": configuration])
        #expect(try await program.exitCode() == 0, "\(program.standardError)")
        #expect(program.standardOutput.contains("siemodels.sie.dev"))

        let table = try RuleTable.load()
        for sentence in ["a model with every field", "a pool with every field", "a bundle with workers"] {
            let entry = try #require(table.cases.first { $0.sentence == sentence })
            try await server.send("POST", path(entry.kind, namespace), table.new(entry))
        }
        var status = SIEModel.Status()
        status.conditions.set(
            .ready, .false, reason: ModelReason.gatewaysNotSynced, message: "gateway-1 is behind", generation: 1,
            now: Timestamp(secondsSince1970: 1_790_000_000))
        status.summary = "1/2 gateways"
        try await server.send(
            "PATCH", "\(path("SIEModel", namespace))/tenant-a/status", ["status": try JSONValue(encoding: status)],
            type: "application/merge-patch+json")

        let listed = try await kubectl("get", "siem,siep,sieb")
        #expect(listed.code == 0, "\(listed.errors)")
        let lines = listed.output.split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace).map(String.init)
        }
        #expect(lines.contains(["NAME", "MODEL", "READY", "REASON", "GATEWAYS", "AGE"]), "\(listed.output)")
        #expect(
            lines.contains([
                "NAME", "POOL", "STATE", "BUNDLE", "ASSIGNED", "DESIRED", "READY", "REASON", "RENEWED", "AGE",
            ]),
            "\(listed.output)")
        #expect(
            lines.contains([
                "NAME", "BUNDLE", "PRIORITY", "REPLICAS", "READYWORKERS", "MODELS", "ADVERTISED", "READY", "REASON",
                "AGE",
            ]), "\(listed.output)")
        let row = lines.first { $0.first == "siemodel.sie.dev/tenant-a" } ?? []
        #expect(
            row.dropLast() == [
                "siemodel.sie.dev/tenant-a", "BAAI/bge-m3", "False", "GatewaysNotSynced", "1/2", "gateways",
            ])
        let category = try await kubectl("get", "sie", "-o", "name")
        #expect(category.output.split(separator: "\n").count == 3, "\(category.output)")

        // The server publishes new definitions for `explain` a little later than it serves them.
        try await eventually("an explanation of the field") {
            let explained = try await kubectl("explain", "siem.spec.readiness.policy")
            let text = explained.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return explained.code == 0 && text.contains("once every ready gateway replica routes")
        }

        let scaled = try await kubectl("scale", "siep/tenant-a", "--replicas=2")
        #expect(scaled.code == 0, "\(scaled.errors)")
        let pool: SIEPool = try await server.send("GET", "\(path("SIEPool", namespace))/tenant-a").decode()
        #expect(pool.spec.value?.minimumWorkerCount == 2)
    }
}
