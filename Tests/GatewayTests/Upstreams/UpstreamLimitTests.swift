import Foundation
import NIOHTTP1
import TestSupport
import Testing

@Suite("Limits of named tokens at upstreams", .serialized, .timeLimit(.minutes(1)))
struct UpstreamLimitTests {
    @Test("a token's rate covers its requests to upstreams, on every route, and is one with its rate here")
    func rate() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        let text = """
            tokens:
              - {name: slow, token: t-slow, requests_per_second: 0.01}
              - {name: other, token: t-other, requests_per_second: 0.01}
              - {name: mixed, token: t-mixed, requests_per_second: 0.01}
              - {name: free, token: t-free}
            """
        try Data(text.utf8).write(to: file)
        try await UpstreamRouteTests.withGateway(
            environment: ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKENS_FILE": file.path],
            upstream: { _, _ in .text("{}", headers: [("content-type", "application/json")]) }
        ) { http, upstream, _ in
            @Sendable func ask(
                _ token: String, _ model: String = "writer", path: String = "/v1/responses",
                header: String = "authorization"
            ) async throws -> HTTPTestClient.Reply {
                try await UpstreamRouteTests.post(
                    http, #"{"model":"\#(model)","input":"x"}"#, path: path, headers: [header: "Bearer \(token)"])
            }
            #expect(try await ask("t-slow").status == 200)
            for path in ["/v1/responses", "/v1/chat/completions"] {
                let limited = try await ask("t-slow", path: path)
                #expect(limited.status == 429)
                #expect(UpstreamRouteTests.code(limited)?.lowercased() == "rate_limited")
                let wait = limited.headers.first(name: "retry-after").flatMap { Int($0) }
                #expect(90...100 ~= wait ?? 0)
            }
            #expect(try await ask("t-slow", "far-vectors", path: "/v1/embeddings").status == 429)
            #expect(try await ask("t-slow", header: "x-gateway-key").status == 429, "however it shows itself")
            #expect(try await ask("t-other", "far-vectors", path: "/v1/embeddings").status == 200)
            #expect(try await ask("t-other").status == 429)
            // What a request to this cluster used up is gone there, too, though no worker could take it.
            #expect(try await ask("t-mixed", "org/mini", path: "/v1/embeddings").status != 429)
            #expect(try await ask("t-mixed").status == 429)
            for _ in 0..<10 { #expect(try await ask("t-free").status == 200) }
            #expect(upstream.requests.count == 12, "nothing that was refused went there")
        }
    }
}
