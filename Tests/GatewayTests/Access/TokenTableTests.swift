import Foundation
import Gateway
import Logging
import Testing

@Suite("The tokens file")
struct TokenTableTests {
    static let text = """
        tokens:
          - {name: search, token: s3cret, requests_per_second: 20, items_per_second: 2.5, pools: [default, l4]}
          - name: batch
            token: "12345"
        """

    @Test("each token has a name, and limits where they are said")
    func parsing() throws {
        let table = try TokenTable(parsing: Self.text)
        #expect(table.names == ["search", "batch"])
        let search = try #require(table.grant(for: "s3cret"))
        #expect(
            search
                == TokenGrant(
                    name: "search", requestsPerSecond: 20, itemsPerSecond: 2.5, pools: ["default", "l4"]))
        #expect(search.allows(pool: "l4") && !search.allows(pool: "other"))
        let batch = try #require(table.grant(for: "12345"))
        #expect(batch == TokenGrant(name: "batch") && batch.allows(pool: "any"))
        #expect(table.grant(for: "S3CRET") == nil && table.grant(for: "") == nil)
    }

    @Test(
        "what cannot be used is refused with its place, and never with the token",
        arguments: [
            ("tokens: [{name: a, token: hush", "the file is no YAML"), ("- a", "'tokens' must be a list"),
            ("tokens: [hush]", "token 1 is no mapping"), ("tokens: [{token: hush}]", "token 1 has no name"),
            ("tokens: [{name: a}]", "token 1 ('a') has no token; numbers must be quoted"),
            ("tokens: [{name: a, token: hush, request_per_second: 5}]", "token 1: unknown key 'request_per_second'"),
            (
                "tokens: [{name: a, token: hush, requests_per_second: 0}]",
                "'requests_per_second' of 'a' must be a number above 0"
            ),
            (
                "tokens: [{name: a, token: hush, items_per_second: .inf}]",
                "'items_per_second' of 'a' must be a number above 0"
            ),
            ("tokens: [{name: a, token: hush, pools: l4}]", "'pools' of 'a' must be a list"),
            ("tokens: [{name: a, token: hush, pools: [1]}]", "'pools' of 'a' must hold names"),
            ("tokens: [{name: a, token: x}, {name: a, token: hush}]", "token 2: the name 'a' is taken"),
            (
                "tokens: [{name: a, token: hush}, {name: b, token: hush}]",
                "token 2 ('b'): another one has the same token"
            ),
        ])
    func refusals(text: String, message: String) {
        do throws(TokenTable.Invalid) {
            _ = try TokenTable(parsing: text)
            Issue.record("taken")
        } catch {
            #expect(error.description == message)
            #expect(!error.description.contains("hush"))
        }
    }

    @Test("a changed file is in force soon; a broken one leaves the last good one")
    func reload() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "tokens-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(Self.text.utf8).write(to: file)
        let tokens = try TokenFile(
            path: file.path, interval: .milliseconds(10),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await tokens.run() }
            try Data("tokens: [{name: new, token: fresh}]".utf8).write(to: file, options: .atomic)
            while tokens.grant(for: "fresh") == nil { try await Task.sleep(for: .milliseconds(5)) }
            #expect(tokens.grant(for: "s3cret") == nil)
            try Data("tokens: [".utf8).write(to: file, options: .atomic)
            try await Task.sleep(for: .milliseconds(100))
            #expect(tokens.grant(for: "fresh")?.name == "new")
            try FileManager.default.removeItem(at: file)
            try await Task.sleep(for: .milliseconds(50))
            #expect(tokens.grant(for: "fresh")?.name == "new")
            tasks.cancelAll()
        }
        #expect(throws: TokenTable.Invalid.self) {
            try TokenFile(path: file.path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        }
    }
}
