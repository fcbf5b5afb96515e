import Foundation
import Gateway
import NIOCore
import Settings
import Testing

@Suite("The upstreams file")
struct UpstreamFileTests {
    private func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
        do throws(UpstreamFile.Invalid) {
            _ = try UpstreamFile.parse(text, environment: Environment(environment))
            return []
        } catch {
            return error.problems
        }
    }

    @Test("everything an upstream can be told is read")
    func everything() throws {
        let table = try UpstreamFile.parse(
            """
            upstreams:
              - id: main
                base_url: https://api.example.com/v1/
                expected_host: api.example.com
                auth: {secret_env: KEY}
                connect_timeout_s: 1
                first_byte_timeout_s: 2.5
                idle_timeout_s: 3
                total_timeout_s: 4
                max_request_bytes: 100
                max_concurrency: 5
                max_retries: 0
                allow_stateful: true
                models:
                  - {id: big, upstream: big-2, capabilities: [responses, chat]}
                  - {id: wide, capabilities: [embeddings]}
              - {id: local, base_url: "http://127.0.0.1:1/v1", auth: {mode: none}, models: [{id: m, capabilities: [chat]}]}
            """, environment: Environment(["KEY": "k"]))
        let main = try #require(table["big"]?.upstream)
        #expect(main.baseURL == "https://api.example.com/v1" && main.sendsBearer && main.secret == .value("k"))
        #expect(main.timeouts.connect == .seconds(1) && main.timeouts.firstByte == .milliseconds(2500))
        #expect(main.timeouts.idle == .seconds(3) && main.timeouts.total == .seconds(4))
        #expect(main.maximumRequestBytes == 100 && main.maximumConcurrency == 5 && main.maximumRetries == 0)
        #expect(main.allowsStateful)
        #expect(table["big"]?.model.upstream == "big-2" && table["wide"]?.model.upstream == "wide")
        #expect(table["m"]?.upstream.secret == Upstream.SecretSource.none)
        #expect(table["BIG"] == nil, "names are exact")
        #expect(table.listing.map(\.id) == ["big", "wide", "m"])
        #expect(table.maximumRequestBytes == 10 << 20)
    }

    @Test("all problems are told at once")
    func all() {
        let found = problems(
            """
            upstreams:
              - {id: a, base_url: "http://example.com", auth: {secret_env: UNSET}, models: []}
              - {id: a, base_url: "https://x.example", expected_host: y.example, auth: {mode: none}, kind: other,
                 max_retries: 99, typo: 1, models: [{id: m, capabilities: [sing]}, {id: m, capabilities: [chat]}]}
              - {base_url: nonsense, models: [{}]}
            """)
        for part in [
            "'a': 'base_url' must be https", "the variable 'UNSET' is not set", "'a': 'models' must be a list",
            "leads to 'x.example', not to the expected host 'y.example'", "'kind' must be",
            "'max_retries' must be from",
            "unknown key 'typo'", "'capabilities' of 'm'", "the id 'a' is taken", "the model 'm' is listed twice",
            "upstream 3 has no 'id'", "'base_url' is no URL", "model 1 has no 'id'", "'auth' needs",
        ] {
            #expect(found.contains { $0.contains(part) }, "\(part) not in \(found)")
        }
        #expect(problems("{[").count == 1)
        #expect(problems("upstreams: 5") == ["'upstreams' must be a list"])
    }

    @Test("plain text goes to the loopback, or where that is allowed, alone")
    func plainText() {
        func address(_ url: String, _ more: String = "") -> [String] {
            problems(
                "[{id: a, base_url: '\(url)', auth: {mode: none}, models: [{id: m, capabilities: [chat]}]\(more)}]")
        }
        #expect(address("http://localhost:8000/v1").isEmpty)
        #expect(!address("http://10.0.0.1/v1").isEmpty)
        #expect(address("http://10.0.0.1/v1", ", allow_insecure: true").isEmpty)
        #expect(!address("ftp://localhost/v1").isEmpty)
    }

    @Test("without a file the variables of Azure's tools name upstreams, or nothing does")
    func azure() throws {
        #expect(try UpstreamFile.load(path: nil, environment: Environment([:])).isEmpty)
        let table = try UpstreamFile.load(
            path: nil,
            environment: Environment([
                "AZURE_OPENAI_ENDPOINT": "https://me.openai.azure.com/", "AZURE_OPENAI_API_KEY": "k",
                "CODEX_MODEL": "gpt", "EMBEDDING_DEPLOYMENT": "emb", "EMBEDDINGS_API_VERSION": "2024-02-01",
            ]))
        let answers = try #require(table["gpt"])
        #expect(!answers.upstream.sendsBearer)
        #expect(
            answers.upstream.url(of: answers.model, for: .responses)
                == "https://me.openai.azure.com/openai/v1/responses")
        let embeddings = try #require(table["emb"])
        #expect(
            embeddings.upstream.url(of: embeddings.model, for: .embeddings)
                == "https://me.openai.azure.com/openai/deployments/emb/embeddings?api-version=2024-02-01")
        #expect(throws: UpstreamFile.Invalid.self) {
            try UpstreamFile.load(path: "/none/upstreams.yaml", environment: Environment([:]))
        }
    }

    @Test("a breaker opens after five failures in a row, lets one try after a while, and closes with an answer")
    func breaker() {
        var breaker = CircuitBreaker()
        let now = NIODeadline.now()
        for _ in 0..<4 { breaker.failed(at: now) }
        #expect(breaker.state(at: now) == "closed")
        breaker.answered()
        for _ in 0..<5 { breaker.failed(at: now) }
        #expect(breaker.remaining(at: now) == .seconds(30))
        #expect(breaker.state(at: now + .seconds(30)) == "closed", "somebody may try")
        breaker.failed(at: now + .seconds(31))
        #expect(breaker.state(at: now + .seconds(60)) == "open", "and it failed")
        breaker.answered()
        #expect(breaker == CircuitBreaker())
    }
}
