import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Metrics by route", .timeLimit(.minutes(1)))
struct RouteMetricsTests {
    static func samples(_ gateway: RunningGateway) async throws -> [Substring: Double] {
        let text = try await gateway.http.send(.GET, "/metrics").text
        var samples: [Substring: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            samples[line[..<space]] = Double(line[line.index(after: space)...])
        }
        return samples
    }

    static func requests(_ endpoint: String, _ status: Int, _ profile: String) -> Substring {
        #"sie_gateway_requests_total{endpoint="\#(endpoint)",status="\#(status)",machine_profile="\#(profile)"}"#
    }

    @Test("every answer on an inference route is counted under its status and the profile as configured")
    func routes() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_CONFIGURED_GPUS": "L4"])
        let before = try await Self.samples(gateway)
        let body = #"{"items":[{"text":"a"}]}"#
        func ask(_ path: String, _ headers: HTTPHeaders = [:], method: HTTPMethod = .POST) async throws -> Int {
            var headers = headers
            headers.add(name: "content-type", value: "application/json")
            return try await gateway.http.send(method, path, headers: headers, body: ByteBuffer(string: body)).status
        }
        let pinned: HTTPHeaders = ["x-sie-machine-profile": "test/l4"]
        #expect(try await ask("/v1/encode/org/mini", pinned) == 200)
        #expect(try await ask("/v1/score/org/mini", pinned) == 200)
        #expect(try await ask("/v1/extract/org/mini", pinned) == 200)
        #expect(try await ask("/v1/encode/no/such", pinned) == 404)
        #expect(try await ask("/v1/encode/org/mini", ["x-sie-machine-profile": "test/l9"]) == 503)
        #expect(try await ask("/v1/encode/") == 404)
        #expect(try await ask("/v1/score/org/mini", method: .GET) == 405)
        let after = try await Self.samples(gateway)
        for (endpoint, status, profile, count) in [
            ("encode", 200, "L4", 1), ("score", 200, "L4", 1), ("extract", 200, "L4", 1),
            ("encode", 404, "unknown", 2), ("encode", 503, "unknown", 1), ("score", 405, "unknown", 1),
        ] as [(String, Int, String, Double)] {
            let series = Self.requests(endpoint, status, profile)
            let counted = (after[series] ?? 0) - (before[series] ?? 0)
            #expect(counted == count, "\(series)")
        }
        #expect(
            after[#"sie_gateway_request_latency_seconds_count{endpoint="encode",machine_profile="L4"}"#] == 1)
        #expect(
            after[
                #"sie_gateway_rejected_requests_total{machine_profile="unknown",bundle="",reason="gpu_not_configured"}"#
            ] == 1)
        for operation in ["encode", "score", "extract"] {
            let published: Substring = #"sie_gateway_queue_items_published_count{operation="\#(operation)"}"#
            let count = (after[published] ?? 0) - (before[published] ?? 0)
            #expect(count == 1, "\(operation)")
        }
        let raw = after.keys.filter { $0.utf8.contains(UInt8(ascii: "/")) }
        #expect(raw.isEmpty, "what callers send is no label")
    }

    @Test("health, metrics and the status page change no series of requests")
    func operational() async throws {
        let gateway = try await RunningGateway()
        let before = try await Self.samples(gateway).filter { $0.key.hasPrefix("sie_gateway_request") }
        for path in ["/health", "/healthz", "/readyz", "/metrics", "/", "/v1/models", "/nowhere"] {
            _ = try await gateway.http.send(.GET, path)
        }
        let after = try await Self.samples(gateway).filter { $0.key.hasPrefix("sie_gateway_request") }
        #expect(after == before)
    }
}
