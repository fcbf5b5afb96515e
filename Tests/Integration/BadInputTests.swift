import Foundation
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

/// Input that no client should send: the documented answer, no crash, and other requests unharmed.
@Suite struct BadInputTests {
    private let reference: [ReferenceTexts.Entry]

    init() throws { reference = try ReferenceTexts.all() }

    private static let encode = "/v1/encode/\(ReferenceTexts.model)"

    /// Sends `request` while others are served, and checks those.
    private func whileServing<Answer>(
        _ request: (GatewayClient) async throws -> Answer
    ) async throws -> Answer {
        let stack = try await UpStack.shared.value
        async let other = stack.client.encode([reference[3].text, reference[4].text])
        let answer = try await request(stack.client)
        let items = try EncodeAnswer(try await other).items
        for (item, entry) in zip(items, reference[3...4]) {
            #expect(ReferenceTexts.problem(item.dense.values, for: entry) == nil)
        }
        #expect(items.count == 2)
        #expect(stack.process.isRunning)
        return answer
    }

    struct BadBody: Sendable, CustomTestStringConvertible {
        var name: String
        var type = "application/json"
        var bytes: [UInt8]
        var testDescription: String { name }

        init(_ name: String, _ text: String) {
            self.name = name
            self.bytes = Array(text.utf8)
        }

        init(_ name: String, msgpack bytes: [UInt8]) {
            self.name = name
            self.type = "application/msgpack"
            self.bytes = bytes
        }
    }

    static let badBodies: [BadBody] = [
        BadBody("nothing", ""),
        BadBody("text that is no JSON", "hello"),
        BadBody("JSON that stops", #"{"items": [{"text": "a"#),
        BadBody("JSON with something behind it", #"{"items": [{"text": "a"}]} {}"#),
        BadBody("a JSON list", #"[{"text": "a"}]"#),
        BadBody("items that are no list", #"{"items": {"text": "a"}}"#),
        BadBody("no item", #"{"items": []}"#),
        BadBody("JSON that is not UTF-8", "") + [
            0x7B, 0x22, 0x69, 0x74, 0x65, 0x6D, 0x73, 0x22, 0x3A, 0x22, 0xFF, 0x22, 0x7D,
        ],
        BadBody("100,000 open brackets", #"{"items": "# + String(repeating: "[", count: 100_000)),
        BadBody("an empty msgpack body", msgpack: []),
        BadBody("msgpack that stops", msgpack: [0x81, 0xA5, 0x69, 0x74]),
        BadBody("a msgpack list", msgpack: [0x91, 0x01]),
        BadBody(
            "a msgpack list that says it has four billion elements",
            msgpack: [0x81, 0xA5] + Array("items".utf8) + [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]),
        BadBody(
            "a msgpack text that says it has four billion bytes",
            msgpack: [0x81, 0xA5] + Array("items".utf8) + [0xDB, 0xFF, 0xFF, 0xFF, 0xFF]),
        BadBody(
            "msgpack 100,000 lists deep",
            msgpack: [0x81, 0xA5] + Array("items".utf8) + Array(repeating: 0x91, count: 100_000)),
        BadBody("msgpack items that are a number", msgpack: [0x81, 0xA5] + Array("items".utf8) + [0x07]),
    ]

    @Test("a body that cannot be understood is refused with 400 and a reason", arguments: badBodies)
    func badBody(_ body: BadBody) async throws {
        let response = try await whileServing { try await $0.post(Self.encode, type: body.type, body.bytes) }
        #expect(response.status == 400, "\(response.text)")
        let answer = try JSONSerialization.jsonObject(with: response.body) as? [String: Any]
        #expect((answer?["message"] as? String)?.isEmpty == false)
    }

    @Test(
        "an item without a text, or with one of another type, is an error of that request alone",
        arguments: [#"{"items": [{"text": 5}]}"#, #"{"items": [{"id": "a"}]}"#, #"{"items": [7]}"#])
    func badItem(_ body: String) async throws {
        let response = try await whileServing { try await $0.postJSON(Self.encode, body) }
        #expect([400, 500].contains(response.status), "\(response.status) \(response.text)")
    }

    @Test(
        "a path that names no model is refused",
        arguments: [
            ("/v1/encode/../../etc/passwd", 400), ("/v1/encode/a/%2E%2E/b", 400), ("/v1/encode/no/such-model", 404),
            ("/v1/encode/%00", 400), ("/v1/encode/%FF%FE", 400), ("/v1/encode/a%0Ab", 400), ("/v1/encode/", 404),
        ])
    func badPath(path: String, status: Int) async throws {
        let response = try await whileServing { client in
            // A client that keeps targets as they are: others mend some of these.
            let port = try #require(URL(string: client.url)?.port)
            return try await HTTPTestClient(port: port).post(
                path, headers: ["content-type": "application/json"],
                body: ByteBuffer(string: #"{"items": [{"text": "a"}]}"#))
        }
        #expect(response.status == status, "\(response.text)")
    }

    /// With its length announced, and in chunks, where only counting tells.
    @Test(
        "a body of 300 MB is refused with 413 and does not stay in memory",
        arguments: ["Expect:", "Transfer-Encoding: chunked"])
    func largeBody(header: String) async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "body-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data().write(to: file)
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: 300 << 20)
        try handle.close()
        // curl reads the answer although the server closes the connection in the middle of the body.
        let status = try await whileServing { client in
            let curl = try ProgramProcess(
                "/usr/bin/curl",
                arguments: [
                    "--silent", "--show-error", "--output", "/dev/null", "--write-out", "%{http_code}", "--request",
                    "POST", "--header", "Content-Type: application/json", "--header", "Expect:", "--header", header,
                    "--upload-file", file.path, client.url + Self.encode,
                ])
            try await curl.exitCode(within: .seconds(60))
            return curl.standardOutput
        }
        #expect(status == "413")
        let children = try await UpStack.shared.value.children()
        let gateway = try #require(children["sie-gateway"])
        let memory = try String(contentsOfFile: "/proc/\(gateway)/status", encoding: .utf8)
        let resident = try #require(memory.firstMatch(of: /VmRSS:\s+(\d+) kB/).flatMap { Int($0.1) })
        #expect(resident < 600 << 10, "the gateway holds \(resident) kB")
    }

    @Test("a text of 1 MB, one with NUL bytes, and an emoji alone are encoded")
    func strangeTexts() async throws {
        let large = String(repeating: "embedding ", count: 105_000)
        let response = try await whileServing { try await $0.encode([large, "a\u{0}b", "\u{1F600}"]) }
        #expect(response.status == 200, "\(response.text.prefix(500))")
        let items = try EncodeAnswer(response).items
        #expect(items.count == 3)
        for item in items { #expect(item.dense.values.count == ReferenceTexts.dimension) }
    }
}

private func + (body: BadInputTests.BadBody, bytes: [UInt8]) -> BadInputTests.BadBody {
    var body = body
    body.bytes += bytes
    return body
}
