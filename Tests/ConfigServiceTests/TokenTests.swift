import Foundation
import Glibc
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Tokens and audit")
struct TokenTests {
    @Test("a token file is read again when it changes, also by replacement; a missing one opens nothing")
    func files() async throws {
        let folder = try ConfigServiceFolder()
        let file = folder.url.appending(path: "token")
        let service = try await folder.serve(["SIE_ADMIN_TOKEN_FILE": file.path])
        let client = HTTPTestClient(port: service.port)
        func status(_ token: String) async throws -> Int {
            try await client.send(.GET, "/v1/configs/epoch", headers: ["authorization": "Bearer \(token)"]).status
        }
        #expect(try await status("first") == 403)
        try Data("first\n".utf8).write(to: file)
        #expect(try await status("first") == 200)
        try Data("second-token\n".utf8).write(to: file, options: .atomic)
        #expect(try await status("first") == 403)
        #expect(try await status("second-token") == 200)
        try FileManager.default.removeItem(at: file)
        #expect(try await status("second-token") == 403)
        #expect(try await status("") == 401)
    }

    @Test("every write leaves one audit line with who, what, epoch and outcome, and never a token")
    func audit() async throws {
        let folder = try ConfigServiceFolder()
        let service = try await folder.serve(["SIE_ADMIN_TOKEN": "very-secret-admin", "SIE_LOG_JSON": "true"])
        let client = HTTPTestClient(port: service.port)
        let good = "sie_id: a/b\nprofiles: {default: {adapter_path: 'acme.enc:A'}}\n"
        for body in [good, good, "sie_id: a/b\nprofiles: {default: {adapter_path: 'other:A'}}\n", "no: [yaml"] {
            _ = try await client.post(
                "/v1/configs/models", headers: ["authorization": "Bearer very-secret-admin"],
                body: ByteBuffer(string: body))
        }
        let refused = try await client.post("/v1/configs/models", body: ByteBuffer(string: good))
        #expect(refused.status == 401)
        service.signal(SIGTERM)
        #expect(try await service.exitStatus(within: .seconds(10)) == 0)
        let lines = service.log.split(separator: "\n").filter { $0.contains("sie.audit") }
        let outcomes = ["created", "unchanged", "refused", "refused", "refused"]
        #expect(lines.count == outcomes.count)
        for (line, outcome) in zip(lines, outcomes) { #expect(line.contains("\"\(outcome)\""), "\(line)") }
        #expect(lines.prefix(4).allSatisfy { $0.contains("\"admin\"") })
        #expect(lines.first?.contains("a/b") == true || lines.first?.contains("a\\/b") == true)
        #expect(!service.log.contains("very-secret-admin"))
    }
}
