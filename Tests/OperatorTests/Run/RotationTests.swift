import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Tokens and authorities that are replaced while the operator works (Kubernetes contract 8.2, test 12).
@Suite(
    "Rotation of the operator's token and of the API server's certificate",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(3)))
struct RotationTests {
    /// What a kubelet keeps in a pod: files that are replaced under a process.
    private struct Mount {
        let folder: URL

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "mount-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }

        var token: String { folder.appending(path: "token").path }
        var authorities: String { folder.appending(path: "ca.crt").path }

        func put(token text: String) throws { try Data(text.utf8).write(to: URL(filePath: token), options: .atomic) }

        func put(authorities files: [String]) throws {
            let all = try files.map { try Data(contentsOf: URL(filePath: $0)) }.reduce(Data(), +)
            try all.write(to: URL(filePath: authorities), options: .atomic)
        }
    }

    private static let names = (0..<4).map { "m\($0)" }

    /// Asks for looks at all models again and again.
    private func load(_ stack: OperatorStack) async throws {
        while !Task.isCancelled {
            for name in Self.names { try await stack.touch(name) }
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
        }
    }

    /// The value of a metric, summed over its series.
    private func sum(_ metric: String, _ port: Int) async throws -> Double {
        let text = try await HTTPTestClient(port: port).send(.GET, "/metrics").text
        return text.split(separator: "\n").filter { $0.hasPrefix(metric) }
            .compactMap { $0.split(separator: " ").last.flatMap { Double($0) } }.reduce(0, +)
    }

    /// Everything that the operator watches reaches it, and what it writes is taken.
    private func works(_ stack: OperatorStack, _ when: String) async throws {
        for name in Self.names {
            try await stack.touch(name)
            try await eventually("\(name) is looked at \(when)", within: .seconds(40)) { () -> Bool in
                let model = try await stack.model(name)
                return model["status"]?["lastHandledReconcileAt"]
                    == model["metadata"]?["annotations"]?["sie.dev/reconcile-at"]
            }
        }
        let uid = try await stack.poolConfigMap("tenant-a")?["metadata"]?["uid"]
        try await stack.deletePoolConfigMap("tenant-a")
        try await stack.deletePoolLease("tenant-a")
        try await eventually("the pool's objects \(when)", within: .seconds(40)) { () -> Bool in
            guard let map = try await stack.poolConfigMap("tenant-a") else { return false }
            guard try await stack.poolLease("tenant-a") != nil else { return false }
            return map["metadata"]?["uid"] != uid
        }
    }

    @Test("requests go on with what was replaced: no look fails for more than one retry, and no watch is lost for good")
    func rotation() async throws {
        let stack = try await OperatorStack(
            host: try #require(OperatorStack.hostAddress), gateways: 1, profiles: "l4,t4")
        let server = stack.server
        let twin = try await server.startTwin()
        let relay = try await LoopbackRelay(to: server.port)
        let mount = try Mount()
        defer { try? FileManager.default.removeItem(at: mount.folder) }
        let secrets = "/api/v1/namespaces/\(stack.namespace)/secrets"
        try await server.send("POST", secrets, ["metadata": ["name": "first-token"]])
        let first = try await server.token(for: "sie-operator", in: stack.namespace, boundTo: "first-token")
        try mount.put(token: first)
        try mount.put(authorities: [server.authorityFile])
        let config = try await stack.startConfigService()
        let metrics = try NATSServerProcess.freePort()
        let program = try await stack.startOperator(
            metricsPort: metrics,
            kubeconfig: try server.kubeconfig(
                tokenFile: mount.token, namespace: stack.namespace, port: relay.port, authorityFile: mount.authorities))
        for name in Self.names { try await stack.apply(name, modelID: "acme/\(name)") }
        try await stack.applyPool("tenant-a")
        for name in Self.names { try await stack.wait(for: name, "Ready", "True", "Routable", within: .seconds(40)) }
        try await stack.waitForPool("tenant-a", "Ready", "True", "Dormant")
        let errors = try await sum("controller_runtime_reconcile_errors_total", metrics)

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await load(stack) }
            defer { group.cancelAll() }
            // The token: the new one is there when the old one ceases to count.
            try mount.put(token: try await server.token(for: "sie-operator", in: stack.namespace))
            try await server.send("DELETE", "\(secrets)/first-token")
            let path = "/apis/sie.dev/v1alpha1/namespaces/\(stack.namespace)/siemodels"
            try await eventually("the old token is refused", within: .seconds(30)) { () -> Bool in
                try await server.request("GET", path, token: first).status == 401
            }
            try await works(stack, "with the new token")

            // The authority: both are trusted when the certificate changes, as a rotation has it; then the old one goes.
            try mount.put(authorities: [server.authorityFile, twin.authorityFile])
            relay.redirect(to: twin.port)
            relay.cut()
            try await works(stack, "with the new certificate")
            try mount.put(authorities: [twin.authorityFile])
            relay.cut()
            try await works(stack, "without the old authority")
        }
        let failed = try await sum("controller_runtime_reconcile_errors_total", metrics) - errors
        let all = try await sum("controller_runtime_reconcile_total", metrics)
        print("ROTATION: \(Int(failed)) of \(Int(all)) looks failed and were repeated")
        // What was on its way when connections broke twice: one look of each of the ten workers, and its repetition, which
        // may still find the broken connection.
        #expect(failed <= 40)
        #expect(program.isRunning)
        program.signal(SIGTERM)
        #expect(try await program.exitStatus(within: .seconds(20)) == 0)
        withExtendedLifetime((config, twin)) {}
    }
}
