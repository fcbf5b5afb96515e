import Foundation
import TestSupport
import Testing

/// What the pages tell people to type, typed.
@Suite struct DocumentationTests {
    /// A fenced block of a page.
    struct Example: Sendable, CustomTestStringConvertible {
        var page: String
        var language: String
        var text: String

        var testDescription: String {
            "\(page): \(text.split(separator: "\n").first ?? "")"
        }
    }

    static let address = "http://localhost:8080"

    /// The blocks of a page that talk to the gateway.
    static func examples(of page: String) throws -> [Example] {
        let text = try String(contentsOf: Fixtures.repository.appending(path: page), encoding: .utf8)
        var examples: [Example] = []
        var open: Example?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.utf8.starts(with: "```".utf8) {
                if let example = open { examples.append(example) }
                open = open == nil ? Example(page: page, language: String(line.dropFirst(3)), text: "") : nil
            } else {
                open?.text += line + "\n"
            }
        }
        return examples.filter { $0.text.contains(address) }
    }

    static let examples = ["README.md", "docs/gateway.md"].flatMap { (try? examples(of: $0)) ?? [] }

    @Test("both pages show curl, Python, TypeScript and the OpenAI client")
    func kinds() throws {
        for page in ["README.md", "docs/gateway.md"] {
            let texts = try Self.examples(of: page).map(\.text)
            for sign in ["curl ", "from sie_sdk import", "from openai import", "new SIEClient("] {
                #expect(texts.contains { $0.contains(sign) }, "\(page) does not show \(sign)")
            }
        }
    }

    @Test("every example works against a running stack", arguments: examples.filter { $0.language != "typescript" })
    func works(example: Example) async throws {
        let url = try await UpStack.shared.value.client.url
        var text = example.text.replacing(Self.address, with: url)
        let process: ProgramProcess
        if example.language == "python" {
            process = try ProgramProcess(
                try Tools.SDK.current.python(), arguments: ["-c", text], environment: ["PYTHONDONTWRITEBYTECODE": "1"])
        } else {
            // With its own exit code for an answer that says no, and a shell that stops there.
            text = text.replacing("curl -s", with: "curl -sSf -o /dev/null")
            process = try ProgramProcess("/bin/bash", arguments: ["-e", "-c", text])
        }
        #expect(try await process.exitCode(within: .seconds(60)) == 0, "\(process.standardError)")
    }
}
