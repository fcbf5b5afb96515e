import JSONStream
import MessagePack
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

/// The inference routes of the real binary, against a real nats-server and a worker of ours.
@Suite("The encode route", .serialized)
struct EncodeRouteTests {
    /// One gateway for all tests of this suite; they run one after the other.
    static let shared = SharedGateway()

    static func json(_ reply: HTTPTestClient.Reply) throws -> JSONValue {
        try reply.body.withUnsafeReadableBytes { try JSONReader.decode($0) }
    }

    @Test("texts become vectors in the caller's order, with the contract's headers")
    func success() async throws {
        let gateway = try await Self.shared.get()
        let reply = try await gateway.encode(#"{"items":[{"id":"a","text":"hello"},{"id":"b","text":"hi"}]}"#)
        #expect(reply.status == 200)
        #expect(
            reply.text
                == #"{"model":"org/mini","items":[{"id":"a","dense":{"dims":2,"dtype":"float32","values":[5.0,0.5]}},"#
                + #"{"id":"b","dense":{"dims":2,"dtype":"float32","values":[2.0,0.5]}}]}"#)
        #expect(reply.headers.first(name: "content-type") == "application/json")
        let id = try #require(reply.headers.first(name: "x-sie-request-id"))
        #expect(id.count == 36)
        #expect(reply.headers.first(name: "x-sie-worker") == "queue:\(id)")
        #expect(reply.headers.first(name: "x-sie-version") == "0.3.1")
        #expect(reply.headers.first(name: "x-sie-server-version") == "0.3.1")
        #expect(reply.headers.first(name: "x-queue-time") == "0.5")
        #expect(reply.headers.first(name: "x-inference-time") == "1.3")
        #expect(reply.headers.contains(name: "x-queue-publish-time"))
        #expect(reply.headers.contains(name: "x-queue-wait-time"))
        #expect(!reply.headers.contains(name: "x-tokenization-time"))
    }

    @Test("MessagePack goes in and comes out, the worker's bytes untouched")
    func messagePack() async throws {
        let gateway = try await Self.shared.get()
        let body: MessagePackValue = .map([
            MessagePackPair("items", .array([.map([MessagePackPair("text", "hello")])]))
        ])
        let reply = try await gateway.http.post(
            "/v1/encode/org%2Fmini",
            headers: ["content-type": "application/msgpack", "accept": "application/msgpack", "x-sie-pool": "test"],
            body: ByteBuffer(bytes: MessagePackWriter.encode(body)))
        #expect(reply.status == 200)
        #expect(reply.headers.first(name: "content-type") == "application/x-msgpack")
        let value = try reply.body.withUnsafeReadableBytes { try MessagePackReader.decode($0) }
        #expect(value["model"]?.stringValue == "org/mini")
        var writer = MessagePackWriter()
        var scratch: [UInt8] = []
        ([5, 0.5] as [Float]).withUnsafeBufferPointer {
            EncodeOutput.writeDense($0, dtype: .float32, itemID: nil, scratch: &scratch, to: &writer)
        }
        #expect(value["items"] == .array([try MessagePackReader.decode(writer.bytes)]))
    }

    @Test("the work item says what was asked for: canonical id, profile, options, pool")
    func workItem() async throws {
        let gateway = try await Self.shared.get()
        let reply = try await gateway.encode(
            #"{"items":[{"text":"x"}],"params":{"output_types":["dense"],"output_dtype":"int8","is_query":true}}"#,
            path: "/v1/encode/default:/ORG/Mini:sparse", headers: ["x-sie-machine-profile": "test/l4"])
        #expect(reply.status == 200)
        let item = try #require(gateway.worker.items.last)
        #expect(item.modelID == "org/mini")
        #expect(item.profileID == "sparse")
        #expect(item.pool == "test")
        #expect(item.machineProfile == "l4")
        #expect(item.isQuery)
        #expect(item.outputTypes == ["dense"])
        #expect(item.totalItems == 1)
        #expect(item.replySubject?.hasPrefix("_INBOX.\(item.routerID).") == true)
        #expect(item.replySubject?.hasSuffix(item.requestID) == true)
        #expect(item.bundleConfigHash.count == 64)
        let options = try MessagePackReader.decode(try #require(item.options))
        #expect(options["output_dtype"]?.stringValue == "int8")
        #expect(options["profile"]?.stringValue == "sparse")
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var path = "/v1/encode/org/mini"
        var body = #"{"items":[{"text":"x"}]}"#
        var headers: HTTPHeaders = [:]
        var status: Int
        var code: String
        var message: String
    }

    @Test(
        "every refusal has its status, code and sentence",
        arguments: [
            Refusal(
                testDescription: "unknown model", path: "/v1/encode/org/none", status: 404, code: "MODEL_NOT_FOUND",
                message: "Unknown model 'org/none'"),
            Refusal(
                testDescription: "unknown model with a broken body", path: "/v1/encode/org/none", body: "{",
                status: 404,
                code: "MODEL_NOT_FOUND", message: "Unknown model 'org/none'"),
            Refusal(
                testDescription: "unknown profile", path: "/v1/encode/org/mini:none", status: 404,
                code: "MODEL_NOT_FOUND",
                message: "Unknown model 'org/mini:none'"),
            Refusal(
                testDescription: "incompatible bundle", path: "/v1/encode/sglang:/org/mini", status: 409,
                code: "INCOMPATIBLE_BUNDLE",
                message: "Bundle 'sglang' does not support model 'org/mini'. Compatible bundles: [\"default\"]"),
            Refusal(
                testDescription: "dot dot", path: "/v1/encode/../../etc", status: 400, code: "INVALID_INPUT",
                message: "Invalid model id: '..' is not allowed"),
            Refusal(
                testDescription: "NUL", path: "/v1/encode/a%00b", status: 400, code: "INVALID_INPUT",
                message: "Invalid model id: control characters are not allowed"),
            Refusal(
                testDescription: "not UTF-8", path: "/v1/encode/a%FFb", status: 400, code: "INVALID_INPUT",
                message: "Invalid model id: not valid UTF-8"),
            Refusal(
                testDescription: "a pool that would widen the subject", headers: ["x-sie-pool": "a.>"], status: 400,
                code: "INVALID_INPUT",
                message: "Invalid pool name 'a.>': 1 to 63 letters, digits, '_' or '-' are allowed"),
            Refusal(
                testDescription: "a pool that nobody serves", headers: ["x-sie-pool": "nobody"], status: 503,
                code: "PROVISIONING", message: "Queue publish failed: no consumers available for work stream"),
            Refusal(
                testDescription: "not an object", body: "[]", status: 400, code: "INVALID_INPUT",
                message: "Failed to parse request body: Request body must be a JSON object"),
            Refusal(
                testDescription: "not a map", body: "[]", headers: ["content-type": "application/msgpack"], status: 400,
                code: "INVALID_INPUT", message: "Failed to parse request body: Request body must be a msgpack map"),
            Refusal(
                testDescription: "items of the wrong type", body: #"{"items":5}"#, status: 400, code: "INVALID_INPUT",
                message: "Failed to parse request body: 'items' must be an array"),
            Refusal(
                testDescription: "no items", body: #"{"items":[]}"#, status: 400, code: "INVALID_INPUT",
                message: "No items found in request body"),
        ])
    func refusals(_ row: Refusal) async throws {
        let gateway = try await Self.shared.get()
        let reply = try await gateway.encode(row.body, path: row.path, headers: row.headers)
        #expect(reply.status == row.status)
        let body = try Self.json(reply)
        #expect(body["message"]?.stringValue == row.message)
        #expect(body["code"]?.stringValue == row.code)
        #expect(body["error"]?["code"]?.stringValue == row.code)
        #expect(body["detail"] == nil, "a string detail breaks clients")
        #expect(reply.headers.first(name: "x-sie-error-code") == row.code)
        #expect(reply.headers.first(name: "content-type") == "application/json")
    }

    @Test("malformed, truncated and deeply nested bodies are refused, and the next request is served")
    func malformedBodies() async throws {
        let gateway = try await Self.shared.get()
        let deep = String(repeating: "[", count: 100_000)
        for body in ["", "{", #"{"items":[{"text":"x"}]"#, #"{"items":\#(deep)"#, "{\"items\":[{\"text\":\"\u{0}\"}]}"]
        {
            let reply = try await gateway.encode(body)
            #expect(reply.status == 400)
            let message = try #require(try Self.json(reply)["message"]?.stringValue)
            #expect(message.hasPrefix("Failed to parse request body: json decode: "))
        }
        let nested = [0x81, 0xA5] + Array("items".utf8) + Array(repeating: UInt8(0x91), count: 100_000)
        for bytes in [[], [0xC1], [0x81, 0xA5], nested, [0x81, 0xA5] + Array("items".utf8) + [0x91, 0x81, 0xA4]]
            as [[UInt8]]
        {
            let reply = try await gateway.http.post(
                "/v1/encode/org/mini", headers: ["content-type": "application/msgpack", "x-sie-pool": "test"],
                body: ByteBuffer(bytes: bytes))
            #expect(reply.status == 400)
            let message = try #require(try Self.json(reply)["message"]?.stringValue)
            #expect(message.hasPrefix("Failed to parse request body: msgpack decode: "))
        }
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
    }

    @Test("NUL bytes and a long text reach the worker whole")
    func unusualTexts() async throws {
        let gateway = try await Self.shared.get()
        #expect(try await gateway.encode(#"{"items":[{"text":"a\u0000b"}]}"#).text.contains("[3.0,0.5]"))
        let long = String(repeating: "x", count: 1_000_000)
        #expect(try await gateway.encode(#"{"items":[{"text":"\#(long)"}]}"#).text.contains("[1000000.0,0.5]"))
    }

    @Test("a body of 300 MB is refused before it is read")
    func oversizedBody() async throws {
        let gateway = try await Self.shared.get()
        let reply = try await gateway.http.post(
            "/v1/encode/org/mini", headers: ["content-type": "application/json"],
            body: ByteBuffer(repeating: 0x20, count: 64 * 1024), announcing: 300_000_000)
        #expect(reply.status == 413)
        #expect(try Self.json(reply)["message"]?.stringValue == "Request body too large (max 268435456 bytes)")
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
    }

    @Test("an unreachable worker is provisioned: 202 for old clients, 503 for new ones, 503 for OpenAI's")
    func provisioning() async throws {
        let gateway = try await Self.shared.get()
        func ask(_ sdk: String?, path: String = "/v1/encode/org/mini") async throws -> HTTPTestClient.Reply {
            var headers: HTTPHeaders = ["content-type": "application/json", "x-sie-machine-profile": "l4"]
            if let sdk { headers.add(name: "x-sie-sdk-version", value: sdk) }
            let body = #"{"items":[{"text":"x"}],"model":"org/mini","input":"x"}"#
            return try await gateway.http.post(path, headers: headers, body: ByteBuffer(string: body))
        }
        for sdk in [nil, "0.3.1", "unknown"] {
            let reply = try await ask(sdk)
            #expect(reply.status == 202)
            #expect(
                reply.text
                    == #"{"status":"provisioning","gpu":"l4","bundle":"default","estimated_wait_s":180,"#
                    + #""message":"No worker available for GPU type 'l4'. Provisioning in progress."}"#)
            #expect(reply.headers.first(name: "retry-after") == "120")
        }
        let new = try await ask("0.10.1")
        #expect(new.status == 503)
        #expect(new.headers.first(name: "x-sie-error-code") == "PROVISIONING")
        #expect(new.headers.first(name: "retry-after") == "120")
        #expect(try Self.json(new)["error"]?["code"] == "PROVISIONING")
        let openAI = try await ask(nil, path: "/v1/embeddings")
        #expect(openAI.status == 503)
        #expect(try Self.json(openAI)["error"]?["code"] == "provisioning")
    }

    @Test("what workers fail at is told: retryable when they agree, all of it otherwise, in place when some succeed")
    func workerFailures() async throws {
        let gateway = try await Self.shared.get()
        defer { gateway.worker.behave(.echo) }
        gateway.worker.behave(.fail(code: "RESOURCE_EXHAUSTED", message: "out of memory"))
        let retryable = try await gateway.encode(#"{"items":[{"text":"x"},{"text":"y"}]}"#)
        #expect(retryable.status == 503)
        #expect(retryable.headers.first(name: "retry-after") == "5")
        #expect(retryable.headers.first(name: "x-sie-error-code") == "RESOURCE_EXHAUSTED")
        #expect(try Self.json(retryable)["error"]?["message"] == "out of memory")

        gateway.worker.behave(.fail(code: "inference_error", message: "bad shape"))
        let failed = try await gateway.encode(#"{"items":[{"text":"x"}]}"#)
        #expect(failed.status == 500)
        #expect(try Self.json(failed)["error"] == "all_items_failed")
        #expect(
            try Self.json(failed)["details"]
                == [["item_index": 0, "error": "bad shape", "code": "inference_error"]])

        gateway.worker.behave(.failOdd)
        let partial = try await gateway.encode(#"{"items":[{"text":"x"},{"text":"y"},{"text":"z"}]}"#)
        #expect(partial.status == 200)
        let body = try Self.json(partial)
        #expect(body["items"]?.arrayValue?.count == 3)
        #expect(body["items"]?.arrayValue?[1] == ["error": ["code": "inference_error", "message": "odd"]])
        #expect(body["errors"] == [["item_index": 1, "error": "odd"]])
        let packed = try await gateway.encode(
            #"{"items":[{"text":"x"},{"text":"y"}]}"#, headers: ["accept": "application/msgpack"])
        let value = try packed.body.withUnsafeReadableBytes { try MessagePackReader.decode($0) }
        #expect(value["errors"]?["0"] == nil)
        #expect(try Self.elements(value["items"]).count == 2)
        #expect(try Self.elements(value["errors"]).count == 1)

        gateway.worker.behave(.garbage)
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 500)
    }

    static func elements(_ value: MessagePackValue?) throws -> [MessagePackValue] {
        guard case .array(let elements)? = value else {
            throw MessagePackError(.typeMismatch(expected: "array", found: "nothing"), offset: 0)
        }
        return elements
    }

    @Test("a result that comes twice is answered once")
    func duplicates() async throws {
        let gateway = try await Self.shared.get()
        defer { gateway.worker.behave(.echo) }
        gateway.worker.behave(.twice)
        for _ in 0..<20 {
            #expect(try await gateway.encode(#"{"items":[{"text":"abc"}]}"#).text.contains("[3.0,0.5]"))
        }
    }

    @Test("500 items of one request, and 64 requests at once, keep their order and their callers")
    func bulk() async throws {
        let gateway = try await Self.shared.get()
        func body(_ lengths: [Int]) -> String {
            let items = lengths.map { #"{"id":"\#($0)","text":"\#(String(repeating: "x", count: $0))"}"# }
            return #"{"items":[\#(items.joined(separator: ","))]}"#
        }
        func lengths(_ reply: HTTPTestClient.Reply) throws -> [Int] {
            try (Self.json(reply)["items"]?.arrayValue ?? []).map { item in
                Int(item["dense"]?["values"]?.arrayValue?.first?.doubleValue ?? -1)
            }
        }
        let many = (0..<500).map { 500 - $0 }
        #expect(try lengths(try await gateway.encode(body(many))) == many)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            for caller in 1...64 {
                tasks.addTask {
                    let wanted = [caller, caller + 100, caller + 200]
                    return try lengths(try await gateway.encode(body(wanted))) == wanted
                }
            }
            for try await isRight in tasks { #expect(isRight) }
        }
    }

    @Test("OpenAI clients get their shape, as floats or base64")
    func embeddings() async throws {
        let gateway = try await Self.shared.get()
        func ask(_ body: String) async throws -> HTTPTestClient.Reply {
            try await gateway.encode(body, path: "/v1/embeddings")
        }
        let floats = try await ask(#"{"model":"org/mini","input":["hello","hi"]}"#)
        #expect(floats.status == 200)
        #expect(
            floats.text
                == #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[5.0,0.5]},"#
                + #"{"object":"embedding","index":1,"embedding":[2.0,0.5]}],"model":"org/mini","#
                + #""usage":{"prompt_tokens":2,"total_tokens":2}}"#)
        let packed = try await ask(#"{"model":"org/mini","input":"hello","encoding_format":"base64"}"#)
        #expect(packed.text.contains(#""embedding":"AACgQAAAAD8=""#))
        for (body, status, parameter) in [
            (#"{"model":"org/mini","input":[1,2,3]}"#, 400, "input"),
            (#"{"model":"org/mini","input":[[1]]}"#, 400, "input"),
            (#"{"model":"org/mini","input":[]}"#, 400, "input"), (#"{"model":"org/mini"}"#, 400, "input"),
            (#"{"input":"x"}"#, 400, "model"),
            (#"{"model":"org/mini","input":"x","encoding_format":"x"}"#, 400, "encoding_format"),
            (#"{"model":"org/dense","input":"x","dimensions":3}"#, 400, "dimensions"),
            (#"{"model":"org/dense","input":"x","dimensions":0}"#, 400, "dimensions"),
            (#"{"model":"org/mini","input":"x","dimensions":2}"#, 400, "dimensions"),
        ] {
            let reply = try await ask(body)
            #expect(reply.status == status)
            let error = try #require(try Self.json(reply)["error"])
            #expect(error["type"] == "invalid_request_error")
            #expect(error["param"]?.stringValue == parameter)
        }
        // The model's own width, and one that it may be cut to: scaled to length 1 again.
        for (width, vector) in [(2, "[5.0,0.5]"), (1, "[1.0]")] {
            let cut = try await ask(#"{"model":"org/dense","input":"hello","dimensions":\#(width)}"#)
            #expect(cut.text.contains(#""embedding":\#(vector)"#), "\(cut.text)")
        }
        let unknown = try await ask(#"{"model":"org/none","input":"x"}"#)
        #expect(unknown.status == 404)
        #expect(try Self.json(unknown)["error"]?["code"] == "model_not_found")
    }

    @Test("other methods and paths are refused")
    func otherRoutes() async throws {
        let gateway = try await Self.shared.get()
        let get = try await gateway.http.send(.GET, "/v1/encode/org/mini")
        #expect(get.status == 405)
        #expect(get.headers.first(name: "allow") == "POST")
        #expect(try await gateway.http.send(.POST, "/v1/encode/").status == 404)
        #expect(try await gateway.http.send(.POST, "/v1/nothing").status == 404)
    }
}

/// Starts a gateway for the first test that asks and hands the same to all others.
actor SharedGateway {
    private var gateway: Task<RunningGateway, any Error>?

    func get() async throws -> RunningGateway {
        if gateway == nil { gateway = Task { try await RunningGateway() } }
        guard let gateway else { throw CancellationError() }
        return try await gateway.value
    }
}
