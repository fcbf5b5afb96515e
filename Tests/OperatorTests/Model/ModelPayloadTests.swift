import JSONStream
import Operator
import TestSupport
import Testing
import YAML

@Suite("Payload of a model")
struct ModelPayloadTests {
    private func spec(_ document: JSONValue) throws -> SIEModel.Spec { try document.decode() }

    private let document: JSONValue = [
        "modelID": "BAAI/bge-m3", "hfID": "BAAI/bge-m3", "hfRevision": "main", "defaultBundle": "default",
        "maxSequenceLength": 8192,
        "metadata": ["tasks": ["encode": ["dense": ["dim": 1024]]], "inputs": ["text": true]],
        "profiles": [
            [
                "name": "default", "adapterPath": "m:C", "maxBatchTokens": 16384, "computePrecision": "bfloat16",
                "adapterOptions": ["runtime": ["pooling": "cls", "empty": nil], "loadtime": [:]],
                "adaptiveBatching": ["gain": 0.5],
            ],
            ["name": "dense", "extends": "default"],
        ],
    ]

    @Test("the document has the catalogue's names, sorted, without blanks and without what is absent")
    func canonical() throws {
        let payload = try ModelPayload(try spec(document))
        let expected =
            #"{"default_bundle":"default","hf_id":"BAAI/bge-m3","hf_revision":"main","inputs":{"text":true},"#
            + #""max_sequence_length":8192,"profiles":{"default":{"adapter_options":{"loadtime":{},"#
            + #""runtime":{"pooling":"cls"}},"adapter_path":"m:C","adaptive_batching":{"gain":0.5},"#
            + #""compute_precision":"bfloat16","max_batch_tokens":16384},"dense":{"extends":"default"}},"#
            + #""sie_id":"BAAI/bge-m3","tasks":{"encode":{"dense":{"dim":1024}}}}"#
        #expect(String(decoding: payload.bytes, as: UTF8.self) == expected)
    }

    @Test("specs that differ in the order of things only have one payload")
    func order() throws {
        func reversed(_ value: JSONValue) -> JSONValue {
            switch value {
            case .object(let members): .object(members.reversed().map { JSONMember($0.key, reversed($0.value)) })
            default: value
            }
        }
        let turned = try ModelPayload(try spec(reversed(document)))
        #expect(turned.bytes == (try ModelPayload(try spec(document))).bytes)
    }

    @Test(
        "numbers mean the same to YAML as to JSON, also those with exponents",
        arguments: [1e-5, 2.5e-7, 1e16, 1.5e300, -3e-9, 0.1, 2, -0.0, 123_456_789.25, .leastNonzeroMagnitude])
    func numbers(_ number: Double) throws {
        var document = document
        document = replacing(document, metadata: ["x": .double(number)])
        let payload = try ModelPayload(try spec(document))
        #expect(try YAMLNode(parsing: payload.bytes)["x"] == YAMLNode(.float(number)))
        #expect(try JSONReader.decode(payload.bytes)["x"]?.doubleValue == number)
    }

    @Test("any payload is to YAML what it is to JSON")
    func yaml() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let payload = try ModelPayload(try spec(replacing(document, metadata: ["x": value(&random, depth: 0)])))
            #expect(try YAMLNode(parsing: payload.bytes) == YAMLNode(json: try JSONReader.decode(payload.bytes)))
        }
    }

    @Test("fields that have a place of their own cannot come in by way of metadata")
    func reserved() throws {
        let payload = try ModelPayload(
            try spec(replacing(document, metadata: ["sie_id": "other", "profiles": [:], "hf_id": "other"])))
        #expect(payload.document["sie_id"] == "BAAI/bge-m3")
        #expect(payload.document["hf_id"] == "BAAI/bge-m3")
        #expect(payload.document["profiles"]?["default"] != nil)
    }

    @Test("a document that is too large for the service is refused here")
    func tooLarge() throws {
        let text = String(repeating: "x", count: ModelPayload.largestBytes)
        let spec = try spec(replacing(document, metadata: ["note": .string(text)]))
        do throws(ModelPayload.TooLarge) {
            let payload = try ModelPayload(spec)
            Issue.record("\(payload.bytes.count) bytes were taken")
        } catch {
            #expect(error.bytes > ModelPayload.largestBytes)
        }
    }

    @Test("the key is of object, content and attempt, and short enough for the service")
    func key() throws {
        let payload = try ModelPayload(try spec(document))
        let uid = "0b9c6a3e-8f4c-4b53-9a52-6f1d8a3a7c11"
        let key = payload.idempotencyKey(uid: uid, attempt: 0)
        #expect(key == "sie-operator/\(uid)/\(payload.sha256.prefix(16))/0")
        #expect(payload.idempotencyKey(uid: uid, attempt: 1) != key)
        #expect(payload.sha256.utf8.count == 64 && key.utf8.count < 200)
        let other = try ModelPayload(try spec(replacing(document, metadata: ["a": 1])))
        #expect(other.idempotencyKey(uid: uid, attempt: 0) != key)
    }

    private func replacing(_ document: JSONValue, metadata: JSONValue) -> JSONValue {
        .object((document.objectValue ?? []).filter { $0.key != "metadata" } + [JSONMember("metadata", metadata)])
    }

    private func value(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 3 ? 5 : 7), using: &random) {
        case 0: return .bool(Bool.random(using: &random))
        case 1: return .int(Int64.random(in: -1_000_000...1_000_000, using: &random))
        case 2: return .double(Double.random(in: -1...1, using: &random) * 1e-6)
        case 3:
            return .string(
                ["yes", "1e3", "~", "2024-01-02", "a: b", "", "é😀", "#", "12:30"].randomElement(using: &random) ?? "")
        case 4: return .string(String(repeating: "k", count: Int.random(in: 0..<40, using: &random)))
        case 5:
            return .array((0..<Int.random(in: 0..<4, using: &random)).map { _ in value(&random, depth: depth + 1) })
        default:
            return .object(
                (0..<Int.random(in: 0..<4, using: &random)).map { index in
                    JSONMember(["on", "1", "x y", "null"][index], value(&random, depth: depth + 1))
                })
        }
    }
}
