import Foundation
import TestSupport
import Testing

/// What docs/operator.md tells a new user to do, with kubectl and the example that is shipped.
@Suite(
    "The operator's quick start",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(2)))
struct QuickStartTests {
    private func kubectl(_ stack: OperatorStack, _ arguments: [String]) async throws -> String {
        let configuration = try stack.server.kubeconfig(namespace: stack.namespace)
        let program = try ProgramProcess(
            try Tools.kubectl(), arguments: ["--kubeconfig", configuration] + arguments)
        #expect(try await program.exitCode() == 0, "\(program.standardError)")
        return program.standardOutput
    }

    /// The line of an object, its columns apart.
    private func columns(_ stack: OperatorStack, _ name: String) async throws -> [String] {
        let table = try await kubectl(stack, ["get", "siem,siep,sieb"])
        let line = table.split(separator: "\n").first { $0.contains(name) } ?? ""
        // Columns are three blanks apart, texts in them one.
        return line.split(separator: "  ", omittingEmptySubsequences: true).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }

    @Test("kubectl apply of the example ends Ready with 2/2 gateways; one that is cut off is named, until it is back")
    func example() async throws {
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), adapters: "sie_server.adapters.bge_m3_flash")
        let config = try await stack.startConfigService()
        let program = try await stack.startOperator()
        let example = try String(
            contentsOf: Fixtures.repository.appending(path: "examples/model.yaml"), encoding: .utf8)
        let file = FileManager.default.temporaryDirectory.appending(path: "\(stack.namespace).yaml")
        try Data(example.replacing("namespace: sie", with: "namespace: \(stack.namespace)").utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let applied = try await kubectl(stack, ["apply", "-f", file.path])
        #expect(applied == "siemodel.sie.dev/bge-m3 created\n")
        try await stack.wait(for: "bge-m3", "Ready", "True", "Routable", within: .seconds(40))
        var row = try await columns(stack, "bge-m3")
        #expect(row.dropLast() == ["siemodel.sie.dev/bge-m3", "BAAI/bge-m3", "True", "Routable", "2/2 gateways"])

        // It keeps its connections and answers nothing. A look at it, which comes by itself every few minutes, is asked for.
        stack.gateways[1].signal(SIGSTOP)
        defer { stack.gateways[1].signal(SIGCONT) }
        try await stack.touch("bge-m3")
        let message = try await stack.wait(
            for: "bge-m3", "Ready", "False", "GatewaysNotSynced", within: .seconds(40))
        #expect(message.contains("gateway-1") && !message.contains("gateway-0"), "\(message)")
        row = try await columns(stack, "bge-m3")
        #expect(
            row.dropLast() == ["siemodel.sie.dev/bge-m3", "BAAI/bge-m3", "False", "GatewaysNotSynced", "1/2 gateways"])

        stack.gateways[1].signal(SIGCONT)
        try await stack.wait(for: "bge-m3", "Ready", "True", "Routable", within: .seconds(60))
        row = try await columns(stack, "bge-m3")
        #expect(row.contains("2/2 gateways"), "\(row)")
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
        withExtendedLifetime(config) {}
    }
}
