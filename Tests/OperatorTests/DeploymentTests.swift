import FoundationEssentials
import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing
import Wire
import YAML

/// The manifests of `deploy/operator`, as kubectl puts them together.
@Suite("Deployment of the operator", .timeLimit(.minutes(1)))
struct DeploymentTests {
    private func manifests(_ folder: String = "deploy/operator") async throws -> [JSONValue] {
        let program = try ProgramProcess(
            try Tools.kubectl(), arguments: ["kustomize", Fixtures.repository.appending(path: folder).path])
        #expect(try await program.exitCode() == 0, "\(program.standardError)")
        return try program.standardOutput.split(separator: "\n---\n").map {
            try JSONValue(try YAMLNode(parsing: String($0)))
        }
    }

    private func manifest(_ kind: String) async throws -> JSONValue {
        try #require(try await manifests().first { $0["kind"] == .string(kind) })
    }

    private func strings(_ value: JSONValue?) -> [String] { (value?.arrayValue ?? []).compactMap(\.stringValue) }

    @Test("the role is the one that the operator's tests run with, and no more")
    func role() async throws {
        let rules = try #require(try await manifest("Role")["rules"]?.arrayValue)
        func texts(_ groups: [String], _ resources: [String], _ verbs: [String]) -> [String] {
            groups.flatMap { group in
                resources.flatMap { resource in verbs.map { "\($0) \(resource).\(group)" } }
            }
        }
        let granted = rules.flatMap {
            texts(strings($0["apiGroups"]), strings($0["resources"]), strings($0["verbs"]))
        }
        let used = OperatorStack.rules.flatMap { texts($0.groups, $0.resources, $0.verbs) }
        #expect(granted.sorted() == used.sorted())
        #expect(!granted.contains { $0.contains("*") })
        let binding = try await manifest("RoleBinding")
        let account = try await manifest("ServiceAccount")["metadata"]
        #expect(binding["subjects"]?.arrayValue?.first?["name"] == account?["name"])
        #expect(binding["subjects"]?.arrayValue?.first?["namespace"] == account?["namespace"])
    }

    @Test("the right to roll the config service's Deployment comes with the option, and for that object alone")
    func restart() async throws {
        func rules(_ manifests: [JSONValue]) -> [JSONValue] {
            manifests.first { $0["kind"] == "Role" }?["rules"]?.arrayValue ?? []
        }
        func arguments(_ manifests: [JSONValue]) -> [String] {
            let pod = manifests.first { $0["kind"] == "Deployment" }?["spec"]?["template"]?["spec"]
            return strings(pod?["containers"]?.arrayValue?.first?["args"])
        }
        let (plain, restarting) = (try await manifests(), try await manifests("deploy/operator-restart-config"))
        #expect(restarting.count == plain.count && rules(restarting).dropLast() == rules(plain)[...])
        let rule = try #require(rules(restarting).last)
        let tested = OperatorStack.restartRule
        #expect(strings(rule["apiGroups"]) == tested.groups && strings(rule["resources"]) == tested.resources)
        #expect(strings(rule["verbs"]) == tested.verbs && strings(rule["resourceNames"]) == tested.names)
        #expect(arguments(restarting) == arguments(plain) + ["--restart-config-on-bundle-change"])
    }

    @Test("the definitions come with it, and the pods run as its account, without rights on their machine")
    func deployment() async throws {
        let kinds = try await manifests().compactMap { $0["kind"]?.stringValue }
        #expect(kinds.filter { $0 == "CustomResourceDefinition" }.count == 3)
        let deployment = try await manifest("Deployment")
        #expect(deployment["spec"]?["replicas"] == 2)
        let labels = deployment["spec"]?["template"]?["metadata"]?["labels"]
        let selector = try #require(deployment["spec"]?["selector"]?["matchLabels"]?.objectValue)
        #expect(!selector.isEmpty && selector.allSatisfy { labels?[$0.key] == $0.value })
        let budget = try await manifest("PodDisruptionBudget")
        #expect(budget["spec"]?["selector"] == deployment["spec"]?["selector"])
        let service = try await manifest("Service")
        #expect(service["spec"]?["clusterIP"] == "None")
        let selected = try #require(service["spec"]?["selector"]?.objectValue)
        #expect(!selected.isEmpty && selected.allSatisfy { labels?[$0.key] == $0.value })
        let pod = try #require(deployment["spec"]?["template"]?["spec"])
        #expect(pod["serviceAccountName"] == (try await manifest("ServiceAccount"))["metadata"]?["name"])
        #expect(pod["securityContext"]?["runAsNonRoot"] == true)
        let container = try #require(pod["containers"]?.arrayValue?.first)
        #expect(container["securityContext"]?["readOnlyRootFilesystem"] == true)
        #expect(container["securityContext"]?["allowPrivilegeEscalation"] == false)
        let ports = (container["ports"]?.arrayValue ?? []).compactMap { port in
            port["name"]?.stringValue.map { ($0, port["containerPort"]?.intValue) }
        }
        let arguments = strings(container["args"])
        let listeners = [
            ("metrics", "--metrics-bind-address"), ("probes", "--health-probe-bind-address"),
            ("scaler", "--scaler-bind-address"),
        ]
        for (name, option) in listeners {
            let port = try #require(ports.first { $0.0 == name }?.1)
            #expect(arguments.contains("\(option)=:\(port)"))
        }
    }

    @Test("every option of the container is one of the program, and every variable stands for one")
    func options() async throws {
        let help = try ProgramProcess(try Tools.product("sie-operator"), arguments: ["run", "--help"])
        #expect(try await help.exitCode() == 0)
        let known = Set(
            help.standardOutput.split { !$0.isLetter && $0 != "-" }.map(String.init).filter { $0.hasPrefix("--") })
        let pod = try await manifest("Deployment")["spec"]?["template"]?["spec"]
        let container = try #require(pod?["containers"]?.arrayValue?.first)
        let options = strings(container["args"]).filter { $0.hasPrefix("--") }
        #expect(!options.isEmpty)
        for option in options {
            let name = String(option.prefix { $0 != "=" })
            #expect(known.contains(name), "\(name)")
        }
        for variable in container["env"]?.arrayValue ?? [] {
            let name = variable["name"]?.stringValue ?? ""
            // The pod's name has no option.
            let option = "--\(name.lowercased().replacing("_", with: "-"))"
            #expect(name == "POD_NAME" || known.contains(option), "\(name)")
        }
    }

    @Test(
        "an API server takes the manifests, as far as it knows their kinds, and those of the next version over them",
        .enabled(if: KubernetesAPIServer.isInstalled))
    func accepted() async throws {
        let server = try await KubernetesAPIServer.shared
        let namespace = try await server.namespace()
        let collections = [
            "Service": "/api/v1/namespaces/\(namespace)/services",
            "ServiceAccount": "/api/v1/namespaces/\(namespace)/serviceaccounts",
            "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/\(namespace)/roles",
            "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/\(namespace)/rolebindings",
            "Deployment": "/apis/apps/v1/namespaces/\(namespace)/deployments",
            "PodDisruptionBudget": "/apis/policy/v1/namespaces/\(namespace)/poddisruptionbudgets",
        ]
        for manifest in try await manifests() {
            let kind = manifest["kind"]?.stringValue ?? ""
            guard kind != "CustomResourceDefinition" else { continue }
            let collection = try #require(collections[kind], "a manifest of kind \(kind)")
            guard try await server.request("GET", collection).status != 404 else {
                print("LEFT OUT: \(kind), which this server has in no such version")
                continue
            }
            let moved = MergePatch.apply(["metadata": ["namespace": .string(namespace)]], to: manifest)
            let reply = try await server.request("POST", collection, moved)
            #expect(reply.status == 201, "\(kind): \(reply.body["message"]?.stringValue ?? "")")
            // The next version's manifests come over these: no field changes that cannot.
            let text = String(decoding: JSONWriter.encode(moved), as: UTF8.self)
            let next = try JSONReader.decode(
                text.replacing("operator:\(ProductVersion.current)", with: "operator:next").utf8)
            let name = manifest["metadata"]?["name"]?.stringValue ?? ""
            let applied = try await server.request(
                "PATCH", "\(collection)/\(name)?fieldManager=kubectl&force=true", next,
                type: "application/apply-patch+yaml")
            #expect(applied.status == 200, "\(kind): \(applied.body["message"]?.stringValue ?? "")")
            #expect(kind != "Deployment" || text != String(decoding: JSONWriter.encode(next), as: UTF8.self))
        }
    }
}
