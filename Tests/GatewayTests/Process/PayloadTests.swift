import CurlClient
import JSONStream
import MessagePack
import NIOHTTP1
import ObjectStore
import Settings
import TestSupport
import Testing
import Wire

@Suite("Payloads that the broker does not take", .serialized)
struct PayloadTests {
    static let long = String(repeating: "x", count: 1_100_000)

    static func waitUntilEmpty(_ gateway: RunningGateway) async throws {
        let start = ContinuousClock.now
        while !gateway.storedPayloads.isEmpty {
            try #require(.now - start < .seconds(10), "\(gateway.storedPayloads)")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("the large items of a request travel by reference, the others inline, and nothing stays behind")
    func references() async throws {
        let gateway = try await RunningGateway()
        let before = gateway.worker.items.count
        let reply = try await gateway.encode(#"{"items":[{"text":"ab"},{"text":"\#(Self.long)"},{"text":"abc"}]}"#)
        #expect(reply.status == 200)
        let lengths = try EncodeRouteTests.json(reply)["items"]?.arrayValue?.map {
            $0["dense"]?["values"]?.arrayValue?.first?.doubleValue
        }
        #expect(lengths == [2, 1_100_000, 3])
        let sent = gateway.worker.items.dropFirst(before).sorted { $0.itemIndex < $1.itemIndex }
        #expect(sent.map { $0.item == nil } == [false, true, false])
        #expect(sent.map(\.payloadRef) == [nil, "\(sent[1].requestID)_1.bin", nil])
        try await Self.waitUntilEmpty(gateway)
        let metrics = try await gateway.http.send(.GET, "/metrics")
        #expect(metrics.text.contains("sie_gateway_queue_payload_offloads_total 1\n"))
    }

    @Test("a large score request is stored whole")
    func score() async throws {
        let gateway = try await RunningGateway()
        let reply = try await gateway.encode(
            #"{"query":{"text":"q"},"items":[{"id":"a","text":"\#(Self.long)"}]}"#, path: "/v1/score/org/mini")
        #expect(reply.status == 200)
        #expect(reply.text.contains(#""score":1100000.0"#))
        let item = try #require(gateway.worker.items.last)
        #expect(item.query == nil && item.scoreItems == nil)
        #expect(item.queryPayloadRef == "\(item.requestID)_score.bin")
        try await Self.waitUntilEmpty(gateway)
    }

    @Test("a payload goes when its request runs out of time, or its caller has left, or the gateway stops")
    func removal() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_REQUEST_TIMEOUT": "1"])
        gateway.worker.behave(.silent)
        let late = try await gateway.encode(#"{"items":[{"text":"\#(Self.long)"}]}"#)
        #expect(late.status == 503)
        try await Self.waitUntilEmpty(gateway)
        async let open = gateway.encode(#"{"items":[{"text":"\#(Self.long)"}]}"#)
        while gateway.storedPayloads.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        gateway.process.signal(15)
        _ = try? await open
        #expect(try await gateway.process.exitStatus(within: .seconds(10)) == 0)
        #expect(gateway.storedPayloads.isEmpty)
    }

    @Test("where payloads cannot be stored, an item that the broker does not take is refused with its size")
    func unusableStore() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_PAYLOAD_STORE_URL": "/proc/no/such"])
        let reply = try await gateway.encode(#"{"items":[{"text":"\#(Self.long)"}]}"#)
        #expect(reply.status == 503)
        let message = try EncodeRouteTests.json(reply)["message"]?.stringValue
        #expect(message?.hasPrefix("Queue publish failed: item 0 is ") == true)
    }

    @Test("payloads go to a bucket and are removed from it", arguments: ObjectStorageProcess.Kind.allCases)
    func buckets(_ kind: ObjectStorageProcess.Kind) async throws {
        let storage = try await ObjectStorageProcess(kind)
        let location = try #require(try ObjectStoreLocation(storage.location("some/where")))
        let bucket = try location.open(environment: Environment(storage.environment), client: try CurlClient())
        let gateway = try await RunningGateway(
            environment: storage.environment.merging([
                "SIE_PAYLOAD_STORE_URL": storage.location("some/where"), "SIE_GATEWAY_REQUEST_TIMEOUT": "20",
            ]) { $1 })
        gateway.worker.behave(.silent)
        let before = gateway.worker.items.count
        async let reply = gateway.encode(#"{"items":[{"text":"\#(Self.long)"}]}"#)
        let start = ContinuousClock.now
        while gateway.worker.items.count == before {
            try #require(.now - start < .seconds(15), "\(gateway.process.log.suffix(2000))")
            try await Task.sleep(for: .milliseconds(10))
        }
        let item = try #require(gateway.worker.items.last)
        let key = try #require(item.payloadRef)
        let stored = try #require(try await bucket.get(key))
        #expect(try MessagePackReader.decode(stored.bytes)["text"]?.stringValue == Self.long)
        // The answer ends the request, and with it the payload.
        gateway.worker.behave(.echo)
        gateway.worker.answer(item)
        #expect(try await reply.status == 200)
        while try await bucket.get(key) != nil {
            try #require(.now - start < .seconds(20))
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
