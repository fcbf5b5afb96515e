import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Named tokens", .serialized, .timeLimit(.minutes(1)))
struct NamedTokenTests {
    @Test("a named token is limited to its rate and its pools; another one is not")
    func limits() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            tokens:
              - {name: slow, token: t-slow, requests_per_second: 0.01}
              - {name: elsewhere, token: t-elsewhere, pools: [other]}
              - {name: free, token: t-free}
            """
        try Data(text.utf8).write(to: file)
        let nats = try await NATSServerProcess()
        let worker = try await TestWorker(url: nats.url, pool: "test")
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = try await RunningGateway.start(
            folder: folder,
            environment: [
                "SIE_NATS_URL": nats.url, "SIE_AUTH_MODE": "token", "SIE_AUTH_TOKENS_FILE": file.path,
                "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
            ])
        func ask(_ token: String) async throws -> HTTPTestClient.Reply {
            try await HTTPTestClient(port: process.port).post(
                "/v1/encode/org/mini", headers: ["authorization": "Bearer \(token)", "x-sie-pool": "test"],
                body: .init(string: #"{"items":[{"text":"x"}]}"#))
        }
        let start = ContinuousClock.now
        while try await ask("t-free").status != 200 {
            try #require(.now - start < .seconds(15), "\(process.log)")
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(try await ask("t-none").status == 401)
        #expect(try await ask("t-slow").status == 200)
        let limited = try await ask("t-slow")
        #expect(limited.status == 429)
        #expect(limited.headers.first(name: "x-sie-error-code") == "RATE_LIMITED")
        let wait = try #require(limited.headers.first(name: "retry-after").flatMap { Int($0) })
        #expect(90...100 ~= wait)
        for _ in 0..<20 { #expect(try await ask("t-free").status == 200) }
        let metrics = try await HTTPTestClient(port: process.port)
            .send(.GET, "/metrics", headers: ["authorization": "Bearer t-free"]).text
        for status in [401, 429] {
            let series =
                #"sie_gateway_requests_total{endpoint="encode",status="\#(status)",machine_profile="unknown"} 1"#
            #expect(metrics.contains(series), "\(status)")
        }
        let forbidden = try await ask("t-elsewhere")
        #expect(forbidden.status == 403)
        #expect(forbidden.text.contains("Token 'elsewhere' may not use pool 'test'"))
        withExtendedLifetime(worker) {}
    }
}
