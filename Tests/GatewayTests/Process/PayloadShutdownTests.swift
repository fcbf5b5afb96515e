import Glibc
import NIOConcurrencyHelpers
import TestSupport
import Testing

@Suite("Payloads of a gateway that stops", .serialized, .timeLimit(.minutes(1)))
struct PayloadShutdownTests {
    @Test("what is being stored when the gateway stops is removed, though nobody waits for it any more")
    func beingStored() async throws {
        // Stores nothing ever, but takes deletions.
        let bucket = try await LoopbackHTTPServer { request, _ in
            request.method == "PUT" ? .silence : .reply(204)
        }
        let gateway = try await RunningGateway(
            environment: [
                "SIE_PAYLOAD_STORE_URL": "s3://bucket/payloads", "AWS_ENDPOINT_URL_S3": bucket.url,
                "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
                "SIE_GATEWAY_REQUEST_TIMEOUT": "1",
            ])
        let reply = try await gateway.encode(#"{"items":[{"text":"\#(PayloadTests.long)"}]}"#)
        #expect(reply.status == 503, "the request's own time is over first")
        let start = ContinuousClock.now
        while bucket.requests.allSatisfy({ $0.method != "PUT" }) {
            try #require(.now - start < .seconds(10), "\(gateway.process.log)")
            try await Task.sleep(for: .milliseconds(10))
        }
        let stored = try #require(bucket.requests.first { $0.method == "PUT" }?.path)
        gateway.process.signal(SIGTERM)
        #expect(try await gateway.process.exitStatus(within: .seconds(20)) == 0)
        #expect(bucket.requests.contains { $0.method == "DELETE" && $0.path == stored }, "\(gateway.process.log)")
    }
}
