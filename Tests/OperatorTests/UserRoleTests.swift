import FoundationEssentials
import JSONStream
import Kubernetes
import TestSupport
import Testing

/// What `deploy/users` lets people do, asked of a real API server.
@Suite("Roles of users", .enabled(if: KubernetesAPIServer.isInstalled))
struct UserRoleTests {
    @Test("each role allows its part and no more, and none of them the status", .timeLimit(.minutes(1)))
    func roles() async throws {
        let server = try await KubernetesAPIServer.shared
        try await server.installCustomResources()
        let namespace = try await server.namespace()
        let apply = try ProgramProcess(
            try Tools.kubectl(),
            arguments: ["apply", "-k", Fixtures.repository.appending(path: "deploy/users").path],
            environment: ["KUBECONFIG": try server.kubeconfig()])
        #expect(try await apply.exitCode() == 0, "\(apply.standardError)")

        let expectations: [(role: String, mayChange: [String])] = [
            ("sie-view", []), ("sie-edit", ["siemodels", "siepools"]),
            ("sie-admin", ["siemodels", "siepools", "siebundles"]),
        ]
        for (role, mayChange) in expectations {
            let token = try await server.serviceAccount(role, in: namespace, rules: [])
            try await server.send(
                "POST", "/apis/rbac.authorization.k8s.io/v1/namespaces/\(namespace)/rolebindings",
                [
                    "metadata": ["name": .string("users-\(role)")],
                    "subjects": [
                        ["kind": "ServiceAccount", "name": .string(role), "namespace": .string(namespace)]
                    ],
                    "roleRef": [
                        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role),
                    ],
                ])
            func may(_ verb: String, _ resource: String, _ subresource: String? = nil) async throws -> Bool {
                var attributes: [JSONMember] = [
                    JSONMember("namespace", .string(namespace)), JSONMember("verb", .string(verb)),
                    JSONMember("group", "sie.dev"), JSONMember("resource", .string(resource)),
                ]
                if let subresource { attributes.append(JSONMember("subresource", .string(subresource))) }
                let review = try await server.request(
                    "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    ["spec": ["resourceAttributes": .object(attributes)]], token: token)
                return review.body["status"]?["allowed"] == true
            }
            for resource in ["siemodels", "siepools", "siebundles"] {
                for verb in ["get", "list", "watch"] {
                    #expect(try await may(verb, resource), "\(role) \(verb) \(resource)")
                }
                for verb in ["create", "update", "patch", "delete"] {
                    let isAllowed = try await may(verb, resource)
                    #expect(isAllowed == mayChange.contains(resource), "\(role) \(verb) \(resource)")
                }
                #expect(try await may("get", resource, "status"), "\(role) \(resource)")
                #expect(!(try await may("patch", resource, "status")), "\(role) \(resource)")
            }
            let mayScale = try await may("patch", "siepools", "scale")
            #expect(mayScale == mayChange.contains("siepools"), "\(role)")
        }
    }
}
