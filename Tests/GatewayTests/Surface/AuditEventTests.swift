import Gateway
import HTTPService
import Logging
import Observability
import Testing

@Suite("Audit events")
struct AuditEventTests {
    static func call(status: Int, headers: [(String, String)] = []) throws -> AnsweredCall {
        let fields = headers.map { "\($0.0): \($0.1)\r\n" }.joined()
        return AnsweredCall(
            endpoint: "encode",
            head: try #require(RequestHead("POST /v1/encode/org/m?x=1 HTTP/1.1\r\nhost: x\r\n\(fields)")),
            status: status, model: "org/m", worker: "queue:7", pool: "l4", machineProfile: "l4-spot",
            duration: .microseconds(14_700))
    }

    @Test("a request with results leaves its own line and one of the work")
    func success() throws {
        let headers = [
            ("authorization", "Bearer secret-token-123"), ("x-sie-model", "given"), ("x-sie-pool", ""),
            ("x-sie-machine-profile", "l4/l4"), ("content-length", "512"),
        ]
        let events = AuditEvent.events(of: try Self.call(status: 200, headers: headers))
        #expect(
            events == [
                AuditEvent(
                    name: .apiRequest, method: "POST", endpoint: "/v1/encode/org/m", status: 200,
                    maskedToken: "************-123", model: "given", pool: "", machineProfile: "l4/l4",
                    worker: "queue:7", milliseconds: 14, bodyBytes: 512),
                AuditEvent(
                    name: .proxyRequest, method: "POST", endpoint: "encode", status: 200,
                    maskedToken: "************-123", model: "org/m", pool: "l4", machineProfile: "l4-spot",
                    worker: "queue:7", milliseconds: 14, bodyBytes: 512),
            ])
        let line = try #require(events.last?.metadata)
        #expect(line["event"] == "proxy_request")
        #expect(line["gpu"] == "l4-spot")
        #expect(line["latency_ms"] == "14")
    }

    @Test("a token with a name is told of by its name as well")
    func tokenName() throws {
        var call = try Self.call(status: 200)
        #expect(AuditEvent.events(of: call).allSatisfy { $0.metadata["token_name"] == nil })
        call.tokenName = "search"
        #expect(AuditEvent.events(of: call).map { $0.metadata["token_name"] } == ["search", "search"])
    }

    @Test("a request without results leaves one line; an unknown length is 0 there and -1 for work")
    func failure() throws {
        #expect(AuditEvent.events(of: try Self.call(status: 503)).map(\.name) == [.apiRequest])
        #expect(AuditEvent.events(of: try Self.call(status: 200)).map(\.bodyBytes) == [0, -1])
    }

    @Test(
        "masks keep at most the last four characters",
        arguments: [
            ("", "****"), ("abcd", "****"), ("abcde", "*bcde"), ("secret-token-123", "************-123"),
        ])
    func masks(token: String, mask: String) {
        #expect(LogRedaction.lastFour(token) == mask)
    }

    @Test("no event ever holds a token, whatever the form of its header")
    func noTokens() throws {
        for header in ["Bearer hidden-secret", "hidden-secret", "bearer  hidden-secret ", "Basic hidden-secret"] {
            for event in AuditEvent.events(of: try Self.call(status: 200, headers: [("authorization", header)])) {
                #expect(!String(describing: event.metadata).contains("hidden"))
            }
        }
        #expect(AuditEvent.events(of: try Self.call(status: 200))[0].maskedToken == "")
    }
}
