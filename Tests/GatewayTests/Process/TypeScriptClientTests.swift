import JSONStream
import MessagePack
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

/// What the TypeScript SDK of 0.3.1 sends, and what it reads, written by hand.
@Suite("The wire of the TypeScript SDK", .serialized, .timeLimit(.minutes(1)))
struct TypeScriptClientTests {
    private static let shared = SharedGateway()

    /// Posts as that SDK does: the id as one segment of the path, MessagePack both ways.
    private static func post(
        _ operation: String, _ body: MessagePackValue, model: String = "org%2Fmini",
        routing: (name: String, value: String) = ("x-sie-pool", "test")
    ) async throws -> HTTPTestClient.Reply {
        try await shared.get().http.post(
            "/v1/\(operation)/\(model)",
            headers: [
                "accept": "application/msgpack", "content-type": "application/msgpack", "x-sie-sdk-version": "0.3.1",
                routing.name: routing.value,
            ],
            body: ByteBuffer(bytes: MessagePackWriter.encode(body)))
    }

    private static func value(_ reply: HTTPTestClient.Reply) throws -> MessagePackValue {
        #expect(reply.status == 200)
        return try reply.body.withUnsafeReadableBytes { try MessagePackReader.decode($0) }
    }

    @Test("encode: a decoded path, is_query beside the other parameters, pool and profile in one header")
    func encode() async throws {
        let gateway = try await Self.shared.get()
        let reply = try await Self.post(
            "encode", ["items": [["text": "abc"]], "params": ["output_types": ["dense"], "is_query": true]],
            routing: ("x-sie-machine-profile", "test/l4"))
        let answer = try Self.value(reply)
        #expect(answer["model"] == "org/mini")
        let item = try #require(gateway.worker.items.last)
        #expect(item.modelID == "org/mini" && item.isQuery && item.outputTypes == ["dense"])
        #expect(item.pool == "test" && item.machineProfile == "l4")
        guard case .map(let array)? = try EncodeRouteTests.elements(answer["items"]).first?["dense"]?["values"] else {
            Issue.record("no array: \(answer)")
            return
        }
        let fields = array.map { [$0.key, $0.value] }
        #expect(fields.contains([.binary(Array("nd".utf8)), true]))
        #expect(fields.contains([.binary(Array("type".utf8)), "<f4"]))
        #expect(fields.contains([.binary(Array("shape".utf8)), [2]]))
    }

    @Test("arrays of its own extension type reach the worker as they are")
    func arrays() async throws {
        let gateway = try await Self.shared.get()
        let array = MessagePackValue.ext(type: 78, data: Array("float32|1,2|".utf8) + [0, 0, 128, 63, 0, 0, 0, 64])
        _ = try Self.value(try await Self.post("encode", ["items": [["text": "abc", "multivector": array]]]))
        let sent = try MessagePackReader.decode(try #require(gateway.worker.items.last?.item))
        #expect(sent["multivector"] == array)
    }

    @Test("score sends a query and items; extract always sends labels, and its threshold becomes an option")
    func scoreAndExtract() async throws {
        let gateway = try await Self.shared.get()
        let scores = try Self.value(
            try await Self.post(
                "score", ["query": ["text": "q"], "items": [["text": "a"], ["id": "b", "text": "bb"]]]))
        #expect(try EncodeRouteTests.elements(scores["scores"]).map { $0["item_id"] } == ["b", "item-0"])
        let found = try Self.value(
            try await Self.post(
                "extract", ["items": [["text": "a"]], "params": ["labels": ["person"], "threshold": 0.25]]))
        let item = try #require(gateway.worker.items.last)
        #expect(item.labels == ["person"])
        #expect(try MessagePackReader.decode(try #require(item.options)) == ["threshold": 0.25])
        let first = try #require(try EncodeRouteTests.elements(found["items"]).first)
        for list in ["entities", "relations", "classifications", "objects"] {
            #expect(try EncodeRouteTests.elements(first[list]).count == (list == "entities" ? 1 : 0))
        }
        _ = try await Self.post(
            "extract",
            ["items": [["text": "a"]], "params": ["labels": [], "threshold": 1, "options": ["threshold": 0.5]]])
        let options = try MessagePackReader.decode(try #require(gateway.worker.items.last?.options))
        #expect(options == ["threshold": 0.5], "the option goes before")
    }

    @Test("errors carry code and message at the top, and no detail that is a string")
    func errors() async throws {
        let gateway = try await Self.shared.get()
        for reply in [
            try await Self.post("encode", ["items": [["text": "a"]]], model: "no%2Fsuch"),
            try await Self.post("encode", ["items": []]),
            try await gateway.http.send(.GET, "/v1/models/no%2Fsuch"),
            try await gateway.http.send(.GET, "/v1/pools/none"),
        ] {
            let body = try EncodeRouteTests.json(reply)
            #expect(reply.status == 404 || reply.status == 400)
            #expect(body["message"]?.stringValue?.isEmpty == false, "\(reply.text)")
            #expect(body["detail"]?.stringValue == nil)
        }
        let unknown = try EncodeRouteTests.json(
            try await Self.post("encode", ["items": [["text": "a"]]], model: "no%2Fsuch"))
        #expect(unknown["code"] == "MODEL_NOT_FOUND" && unknown["error"]?["code"] == "MODEL_NOT_FOUND")
    }

    @Test("models are found by an encoded id; pools show their name, renew and go without a body or a version")
    func modelsAndPools() async throws {
        let http = try await Self.shared.get().http
        let model = try EncodeRouteTests.json(try await http.send(.GET, "/v1/models/org%2Fmini"))
        #expect(model["name"] == "org/mini")
        let made = try await http.post(
            "/v1/pools", headers: ["content-type": "application/json", "accept": "application/json"],
            body: ByteBuffer(string: #"{"name":"ts-pool","gpus":{"l4":1}}"#))
        #expect(made.status == 201)
        let pool = try EncodeRouteTests.json(try await http.send(.GET, "/v1/pools/ts%2Dpool"))
        #expect(pool["name"] == "ts-pool" && pool["status"]?["state"] == "pending")
        #expect(pool["status"]?["assigned_workers"] == [])
        #expect(try await http.send(.POST, "/v1/pools/ts-pool/renew").status == 200)
        #expect(try await http.send(.DELETE, "/v1/pools/ts-pool").status == 200)
        #expect(try await http.send(.DELETE, "/v1/pools/ts-pool").status == 404)
    }
}
