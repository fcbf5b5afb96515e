import Foundation
import JSONStream
import TestSupport
import Testing

@Suite(
    "The API server that tests use", .enabled(if: KubernetesAPIServer.isInstalled, "no kube-apiserver"),
    .timeLimit(.minutes(2)))
struct KubernetesAPIServerTests {
    @Test("kubectl may do with a service account's token what its role allows, and no more")
    func access() async throws {
        let server = try await KubernetesAPIServer.shared
        let namespace = try await server.namespace()
        let token = try await server.serviceAccount(
            "reader", in: namespace, rules: [.init(["configmaps"], ["get", "list", "create"])])
        let configuration = try server.kubeconfig(token: token, namespace: namespace)
        func kubectl(_ arguments: String...) async throws -> (code: Int32, text: String) {
            let program = try ProgramProcess(
                try Tools.kubectl(), arguments: arguments, environment: ["KUBECONFIG": configuration])
            let code = try await program.exitCode()
            return (code, program.standardOutput + program.standardError)
        }
        let made = try await kubectl("create", "configmap", "settings", "--from-literal=key=value")
        #expect(made.code == 0, "\(made.text)")
        let shown = try await kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.key}")
        #expect(shown.text == "value")
        let secrets = try await kubectl("get", "secrets")
        #expect(secrets.code != 0 && secrets.text.contains("Forbidden"), "\(secrets.text)")
        let elsewhere = try await kubectl("get", "configmaps", "-n", "kube-system")
        #expect(elsewhere.code != 0 && elsewhere.text.contains("Forbidden"), "\(elsewhere.text)")
        let stranger = try await server.request("GET", "/api/v1/namespaces", token: "guessed")
        #expect(stranger.status == 401)
    }
}
