import Catalog
import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import YAML

@Suite("Bad input")
struct FuzzTests {
    /// How many inputs: enough to find what is shallow in a run of all tests; `SIE_FUZZ_INPUTS` asks for more.
    private static let inputs = ProcessInfo.processInfo.environment["SIE_FUZZ_INPUTS"].flatMap(Int.init) ?? 20_000

    private static let corpus = [
        "sie_id: a/b\nprofiles:\n  default:\n    adapter_path: acme.enc:A\n    max_batch_tokens: 8192\n",
        "sie_id: a\nprofiles: {default: &d {adapter_path: 'acme.enc:A'}, copy: *d, more: {<<: *d, x: [1, 2.5, ~, yes]}}\n",
        "{\"sie_id\": \"a/c\", \"profiles\": {\"default\": {\"adapter_path\": \"acme.enc:A\", \"n\": \"\\ud83d\\ude00\"}}}",
        "---\nsie_id: !!str x\nwhen: 2024-01-02 03:04:05.6 +01:00\nprofiles:\n  p: {extends: q}\n  q: {adapter_path: acme.enc}\n...\n",
        "sie_id: \"t\\tq\\x41\"\ntext: |+\n  kept\n\n  lines\nfolded: >-\n  one\n  two\nbin: !!binary aGk=\nprofiles: {d: {adapter_path: acme.enc}}\n",
        "? complex\n: value\nset: !!set {a, b}\nomap: !!omap [a: 1]\nsie_id: 0x1F\nprofiles: {1: {adapter_path: acme.enc:A}}\n",
    ]
    private static let pieces = [
        "&a ", "*a", "<<: ", "!!python/object:os.system ", "!!binary ", "? ", "- ", ": ", "{", "}", "[", "]", "\n",
        "  ", "\t",
        "\"", "'", "|\n", ">\n", "#", "\u{0}", "\u{FEFF}", "\u{2028}", "\u{1F600}", "~", ".nan", "-.inf", "0b11", "0o7",
        "1_000", "12:30", "1e309", "99999999999999999999999999999999999999999999", "2024-13-45", "sie_id", "profiles",
        "extends: d", "---\n", "...\n", "%YAML 1.1\n", "\\ud800", "\\x00", "=", "y", "on",
    ]

    /// A document of the corpus with a few things done to it.
    private static func mutated(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Array((corpus.randomElement(using: &generator) ?? "").utf8)
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            let position = Int.random(in: 0...bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: position)
            case 1: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: position)
            case 2 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 3:
                bytes.removeSubrange(position..<min(bytes.count, position + Int.random(in: 0..<20, using: &generator)))
            case 4:
                let end = min(bytes.count, position + Int.random(in: 0..<40, using: &generator))
                bytes.insert(contentsOf: bytes[position..<end], at: position)
            default: bytes += (corpus.randomElement(using: &generator) ?? "").utf8.prefix(position)
            }
        }
        return bytes
    }

    @Test("whatever is posted is refused with a place, or understood, written and read back as the same")
    func documents() {
        var generator = SeededGenerator(seed: 31)
        let bundle = Bundle(id: "default", adapters: ["acme.enc"])
        var registry = Registry(bundles: [bundle])
        var options = YAMLOptions()
        options.maximumBytes = 1 << 20
        var accepted = 0
        for input in 0..<Self.inputs {
            let bytes = Self.mutated(&generator)
            let node: YAMLNode
            do {
                node = try YAMLNode(parsing: bytes, options: options)
            } catch {
                #expect(error.mark != .none, "input \(input): \(error)")
                continue
            }
            // Numbers that are none differ from themselves, so texts are compared.
            let text = YAMLEmitter().text(of: node)
            let again = (try? YAMLNode(parsing: text)).map { YAMLEmitter().text(of: $0) }
            #expect(again == text, "input \(input) is not read back: \(text.debugDescription)")
            guard let document = node.mapping else { continue }
            guard let append = try? ModelAppend(document, to: registry, stored: nil) else { continue }
            accepted += 1
            if registry.models.count > 200 { registry = Registry(bundles: [bundle]) }
            registry.insert(append.model)
            if append.createsSomething { #expect(registry.bundles(servingModel: append.model.id) == ["default"]) }
            if accepted % 16 == 0 { #expect(registry.bundleConfigHash(of: "default").utf8.count == 64) }
        }
        #expect(accepted > Self.inputs / 200, "the inputs are too broken to reach the catalogue: \(accepted)")
    }

    /// A body that must be refused, the status, and what the answer must name.
    private struct BadBody: Sendable {
        var name: String
        var bytes: [UInt8]
        var status: Int
        var named: [String]

        init(_ name: String, _ text: String, status: Int = 400, _ named: String...) {
            self.name = name
            self.bytes = Array(text.utf8)
            self.status = status
            self.named = named
        }
    }

    private static func refused() -> [BadBody] {
        var bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        for level in 0..<8 {
            let alias = level == 0 ? "*a" : "*l\(level - 1)"
            let list = [String](repeating: alias, count: 10).joined(separator: ",")
            bomb += "l\(level): &l\(level) [\(list)]\n"
        }
        let start = "sie_id: a\n"
        let own = "  d: {adapter_path: 'acme.enc:A'}\n"
        let large = start + "#" + String(repeating: "x", count: (1 << 20) + 1 - start.utf8.count - 1)
        var bodies = [
            BadBody("one byte too many", large, status: 413, "payload_too_large"),
            BadBody("NUL", start + "b: \u{0}c\n", "line 2, column 4"),
            BadBody("a Python object", start + "x: !!python/object/apply:os.system ['id']\n", "line 2, column 4"),
            BadBody("a bomb of aliases", bomb, "line 6", "nodes"),
            BadBody("ten thousand brackets", String(repeating: "[", count: 10_000), "line 1, column 101"),
            BadBody("an alias inside itself", start + "b: &b [*b]\n", "line 2, column 8"),
            BadBody(
                "profiles that extend each other",
                start + "profiles:\n" + own + "  p: {extends: q}\n  q: {extends: p}\n",
                status: 422, "line 4, column 16", "extends itself"),
            BadBody(
                "a profile that extends itself", start + "profiles:\n  d: {adapter_path: 'acme.enc:A', extends: d}\n",
                status: 422, "line 3, column 44"),
            BadBody("a tab as indentation", start + "profiles:\n\td: 1\n", "line 3, column 1"),
            BadBody("half a surrogate pair", "{\"sie_id\": \"a\", \"x\": \"\\ud83d\"}", "line 1"),
            BadBody("a list", "- a\n", "mapping"),
        ]
        var binary = BadBody("no UTF-8", start + "b: ", "line 2, column 4")
        binary.bytes += [0xFF, 0xFE]
        bodies.append(binary)
        return bodies
    }

    @Test("bodies that cannot be are refused with the place of the trouble, and the service goes on")
    func bodies() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve()
        let client = HTTPTestClient(port: service.port)
        for body in Self.refused() {
            let reply = try await client.post("/v1/configs/models", body: ByteBuffer(bytes: body.bytes))
            #expect(reply.status == body.status, "\(body.name): \(reply.text)")
            let error = try JSONReader.decode(reply.body.readableBytesView)["detail"]?["error"]?.stringValue
            #expect(error != nil, "\(body.name): \(reply.text)")
            for text in body.named { #expect(reply.text.contains(text), "\(body.name): \(reply.text)") }
        }
        let huge = try await client.post("/v1/configs/models", body: ByteBuffer(string: "sie_id"), announcing: 9 << 20)
        #expect(huge.status == 413 && huge.text.contains("payload_too_large"))
        // JSON is YAML, pairs of escapes included.
        let pair =
            "{\"sie_id\": \"smile\", \"note\": \"\\ud83d\\ude00\", \"profiles\": {\"d\": {\"adapter_path\": \"acme.enc\"}}}"
        let created = try await client.post("/v1/configs/models", body: ByteBuffer(string: pair))
        #expect(created.status == 201, "\(created.text)")
        let text = try await client.send(.GET, "/v1/configs/models/smile").text
        #expect(try YAMLNode(parsing: text)["note"]?.string == "\u{1F600}")
        let long = try await client.post(
            "/v1/configs/models", headers: ["idempotency-key": String(repeating: "k", count: 256)],
            body: ByteBuffer(string: pair))
        #expect(long.status == 400 && long.text.contains("invalid_idempotency_key"))
        let longest = try await client.post(
            "/v1/configs/models", headers: ["idempotency-key": String(repeating: "k", count: 255)],
            body: ByteBuffer(string: pair))
        #expect(longest.status == 200)
    }

    @Test("no mutated body gets anything but 200, 201 and documented refusals, for any route that takes one")
    func requests() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve()
        let client = HTTPTestClient(port: service.port)
        var generator = SeededGenerator(seed: 32)
        for input in 0..<300 {
            let path = input % 3 == 0 ? "/v1/configs/resolve" : "/v1/configs/models"
            let body = Self.mutated(&generator)
            let reply = try await client.post(path, body: ByteBuffer(bytes: body))
            #expect(
                [200, 201, 400, 404, 409, 422].contains(reply.status), "input \(input): \(reply.status) \(reply.text)")
        }
        #expect(service.isRunning)
    }
}
