import CurlClient
import Foundation
import NIOConcurrencyHelpers
import NIOHTTP1
import Observability
import Operator
import TestSupport
import Testing

@Suite("Probes of the gateway", .timeLimit(.minutes(1)))
struct GatewayProberTests {
    private func replica(_ server: LoopbackHTTPServer, _ id: String) -> GatewayReplica {
        GatewayReplica(id: id, pod: id, address: "127.0.0.1", port: server.port)
    }

    private static let known = #"{"config_epoch":7,"no_bundles":false,"bundles":[]}"#

    @Test("every replica is asked with the token of the moment, by the model's path, and its answer is its own")
    func asks() async throws {
        let first = try await LoopbackHTTPServer { _, _ in .text(Self.known) }
        let second = try await LoopbackHTTPServer { _, _ in .text("{}", status: 404) }
        let file = FileManager.default.temporaryDirectory.appending(path: "token-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("one\n".utf8).write(to: file)
        let registry = MetricsRegistry()
        let durations = registry.histogram("seconds", help: "", bounds: [1]).with()
        let prober = GatewayProber(
            try CurlClient(), token: BearerToken(file: file.path()), durations: durations)
        let replicas = [replica(first, "a"), replica(second, "b")]
        #expect(
            await prober.ask(replicas, about: "acme/mödel 1") == [
                "a": .known(epoch: 7, bundles: []), "b": .unknownModel,
            ])
        #expect(first.requests.map(\.target) == ["/v1/configs/models/acme/m%C3%B6del%201/status"])
        try Data("two".utf8).write(to: file)
        _ = await prober.ask([replicas[0]], about: "m")
        #expect(first.requests.flatMap { $0.headers["authorization"] } == ["Bearer one", "Bearer two"])
        #expect(durations.count == 3)
    }

    @Test("replicas are asked about a pool in the same way")
    func pool() async throws {
        let first = try await LoopbackHTTPServer { _, _ in
            .text(#"{"name":"a","spec":{"name":"a","gpus":{"l4":1}},"status":{"state":"pending"}}"#)
        }
        let second = try await LoopbackHTTPServer { _, _ in .text("{}", status: 404) }
        let prober = GatewayProber(try CurlClient(), token: BearerToken(file: nil))
        #expect(
            await prober.ask([replica(first, "a"), replica(second, "b")], aboutPool: "tenant-a") == [
                "a": .known(.init(spec: .init(name: "a", gpus: ["l4": 1]))), "b": .unknownPool,
            ])
        #expect(first.requests.map(\.target) == ["/v1/pools/tenant-a"])
    }

    @Test("a replica that does not answer is not asked again within a second, and the others are not held up")
    func silence() async throws {
        let silent = try await LoopbackHTTPServer { _, _ in .silence }
        let server = try await LoopbackHTTPServer { _, _ in .text(Self.known) }
        let prober = GatewayProber(
            try CurlClient(), token: BearerToken(file: nil), timeout: .milliseconds(300), atOnce: 2)
        let replicas = [replica(silent, "silent"), replica(server, "a")]
        for round in 0..<3 {
            let began = ContinuousClock.now
            let answers = await prober.ask(replicas, about: "m\(round)")
            guard case .unreachable = answers["silent"] else {
                Issue.record("\(answers)")
                return
            }
            #expect(answers["a"] == .known(epoch: 7, bundles: []))
            if round > 0 { #expect(.now - began < .milliseconds(300)) }
        }
        #expect(silent.requests.count == 1)
        #expect(server.requests.allSatisfy { $0.headers["authorization"].isEmpty })
    }

    @Test("only so many requests are under way at a time, and all are answered")
    func turns() async throws {
        let open = NIOLockedValueBox((now: 0, most: 0))
        let server = try await LoopbackHTTPServer { _, _ in
            open.withLockedValue { state in
                state.now += 1
                state.most = max(state.most, state.now)
            }
            return .stream { index in
                guard index == 0 else { return nil }
                try? await Task.sleep(for: .milliseconds(5))
                open.withLockedValue { $0.now -= 1 }
                return Array(Self.known.utf8)
            }
        }
        let prober = GatewayProber(try CurlClient(), token: BearerToken(file: nil), atATime: 4, atOnce: 6)
        let replicas = (0..<12).map { replica(server, "r\($0)") }
        let answers = await withTaskGroup(of: Int.self) { group in
            for model in 0..<4 {
                group.addTask {
                    await prober.ask(replicas, about: "m\(model)").values.count {
                        $0 == .known(epoch: 7, bundles: [])
                    }
                }
            }
            return await group.reduce(0, +)
        }
        #expect(answers == 48)
        #expect(open.withLockedValue { $0.most } <= 6)
    }
}
