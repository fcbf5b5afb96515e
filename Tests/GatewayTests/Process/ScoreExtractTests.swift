import JSONStream
import MessagePack
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

@Suite("The score and extract routes", .serialized)
struct ScoreExtractTests {
    static let shared = SharedGateway()

    @Test("a score request is one work item, and its entries are answered under scores, best first")
    func score() async throws {
        let gateway = try await Self.shared.get()
        let body =
            #"{"query":{"text":"q"},"items":[{"id":"d1","text":"abc"},{"text":"abcdef"}],"instruction":"rank","#
            + #""params":{"instruction":"ignored"},"options":{"a":1}}"#
        let reply = try await gateway.encode(body, path: "/v1/score/org/mini")
        #expect(reply.status == 200)
        #expect(
            reply.text
                == #"{"model":"org/mini","scores":[{"item_id":"item-1","score":6.0,"rank":0},"#
                + #"{"item_id":"d1","score":3.0,"rank":1}]}"#)
        let item = try #require(gateway.worker.items.last)
        #expect(item.operation == "score")
        #expect(item.totalItems == 1 && item.itemIndex == 0)
        #expect(item.item == nil)
        #expect(item.instruction == "rank")
        #expect(try MessagePackReader.decode(try #require(item.query)) == ["text": "q"])
        #expect(try MessagePackReader.decode(try #require(item.options)) == ["a": 1])
    }

    @Test("a score request without a query or items reaches the worker with an empty map and an empty list")
    func scoreOfNothing() async throws {
        let gateway = try await Self.shared.get()
        let reply = try await gateway.encode("{}", path: "/v1/score/org/mini")
        #expect(reply.status == 200)
        #expect(reply.text == #"{"model":"org/mini","scores":[]}"#)
        let item = try #require(gateway.worker.items.last)
        #expect(item.query == [0x80])
        #expect(item.scoreItems == [0x90])
    }

    @Test("MessagePack scores are spliced as the worker packed them")
    func scoreMessagePack() async throws {
        let gateway = try await Self.shared.get()
        let body: MessagePackValue = ["query": "q", "items": [["text": "abc"]]]
        let reply = try await gateway.http.post(
            "/v1/score/org%2Fmini",
            headers: ["content-type": "application/msgpack", "accept": "application/msgpack", "x-sie-pool": "test"],
            body: ByteBuffer(bytes: MessagePackWriter.encode(body)))
        #expect(reply.status == 200)
        let value = try reply.body.withUnsafeReadableBytes { try MessagePackReader.decode($0) }
        #expect(value["scores"] == [["item_id": "item-0", "score": 3.0, "rank": 0]])
        #expect(gateway.worker.items.last?.query == MessagePackWriter.encode("q"), "a query that is no map is kept")
    }

    @Test("extract passes labels, schema and instruction, an item a message, and answers in order")
    func extract() async throws {
        let gateway = try await Self.shared.get()
        let before = gateway.worker.items.count
        let reply = try await gateway.encode(
            #"{"items":[{"text":"a"},{"text":"b"}],"params":{"labels":["person","place"],"#
                + #""output_schema":{"type":"object"},"instruction":"find"}}"#, path: "/v1/extract/org/mini")
        #expect(reply.status == 200)
        let items = try #require(try EncodeRouteTests.json(reply)["items"]?.arrayValue)
        #expect(items.count == 2)
        #expect(items.first?["entities"]?.arrayValue?.map { $0["label"] } == ["person", "place"])
        #expect(items.first?["relations"] == [])
        let sent = gateway.worker.items.dropFirst(before)
        #expect(sent.map(\.operation) == ["extract", "extract"])
        #expect(sent.allSatisfy { $0.labels == ["person", "place"] && $0.instruction == "find" })
        let schema = try #require(sent.first?.outputSchema)
        #expect(try MessagePackReader.decode(schema) == ["type": "object"])
    }

    @Test("a model that names other tasks is not asked for these")
    func unsupported() async throws {
        let gateway = try await Self.shared.get()
        for operation in ["score", "extract"] {
            let reply = try await gateway.encode(
                #"{"items":[{"text":"a"}]}"#, path: "/v1/\(operation)/org/dense")
            #expect(reply.status == 400)
            #expect(reply.headers.first(name: "x-sie-error-code") == "INVALID_INPUT")
            #expect(reply.text.contains("Model 'org/dense' does not support \(operation)"))
        }
        #expect(try await gateway.encode(#"{"items":[{"text":"a"}]}"#, path: "/v1/encode/org/dense").status == 200)
    }

    @Test("a trace goes on in the work item and in the answer, under a span of the gateway's own")
    func trace() async throws {
        let gateway = try await Self.shared.get()
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let reply = try await gateway.encode(#"{"items":[{"text":"a"}]}"#, headers: ["traceparent": parent])
        #expect(reply.status == 200)
        let header = try #require(reply.headers.first(name: "traceparent"))
        let span = try #require(TraceContext(header: header))
        #expect(span.traceID == "0af7651916cd43dd8448eb211c80319c" && span.flags == "01")
        #expect(span.spanID != "b7ad6b7169203331")
        #expect(gateway.worker.items.last?.traceParent == header)
        let refused = try await gateway.encode("{", headers: ["traceparent": parent])
        #expect(refused.status == 400)
        #expect(refused.headers.contains(name: "traceparent"))
        let none = try await gateway.encode(#"{"items":[{"text":"a"}]}"#, headers: ["traceparent": "nonsense"])
        #expect(!none.headers.contains(name: "traceparent"))
        #expect(gateway.worker.items.last?.traceParent == nil)
    }
}
