import Foundation
import Inference
import JSONStream
import TestSupport
import Testing

/// Everything here is compared with recordings of Hugging Face `tokenizers`; `Tests/Fixtures/tokenizer/generate.py` makes
/// them.
@Suite("The tokenizer against the reference")
struct ReferenceTokenizerTests {
    /// A tokenizer that differs from the shipped one as a line of the recording says.
    private func tokenizer(_ difference: JSONValue) throws -> any Tokenizer {
        let shipped = try JSONReader.decode(
            Array(try Data(contentsOf: URL(filePath: Tools.miniLM() + "/tokenizer.json"))))
        let members = try #require(shipped.objectValue).map { member in
            JSONMember(member.key, difference[member.key] ?? member.value)
        }
        let file = FileManager.default.temporaryDirectory.appending(path: "tokenizer-\(UUID().uuidString).json")
        try Data(JSONWriter.encode(.object(members))).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try TokenizerFile(path: file.path).makeTokenizer(maxLength: 512, vocabularySize: 30528)
    }

    @Test("hard and random texts have the reference's ids, whatever the normalizer and the added tokens")
    func texts() throws {
        var current: (name: String, tokenizer: any Tokenizer)?
        var count = 0
        for line in try Fixtures.text("tokenizer/texts.jsonl").utf8.split(separator: UInt8(ascii: "\n")) {
            let value = try JSONReader.decode(Array(line))
            if let name = value["tokenizer"]?.stringValue {
                current = (name, try tokenizer(value))
                continue
            }
            let (name, tokenizer) = try #require(current)
            let text = try #require(value["t"]?.stringValue)
            let ids = try #require(value["i"]?.arrayValue).compactMap(\.intValue).map { Int32($0) }
            let found = tokenizer.tokenize(text).ids
            let scalars = text.unicodeScalars.prefix(40).map { String($0.value, radix: 16) }.joined(separator: " ")
            #expect(found == ids, "\(name): \(scalars)")
            count += 1
        }
        #expect(count > 2000)
    }

    struct Normalizer: CustomTestStringConvertible {
        let settings: BertNormalizer
        let digests: [String]

        var testDescription: String { "\(settings)" }

        static func recorded() throws -> [Normalizer] {
            let rows = try JSONReader.decode(Array(try Fixtures.data("tokenizer/words.json"))).arrayValue ?? []
            return rows.map { row in
                func flag(_ name: String) -> Bool { row[name]?.boolValue ?? false }
                return Normalizer(
                    settings: BertNormalizer(
                        cleansText: flag("clean_text"), separatesChineseCharacters: flag("handle_chinese_chars"),
                        stripsAccents: flag("strip_accents"), lowercases: flag("lowercase")),
                    digests: (row["digests"]?.arrayValue ?? []).compactMap(\.stringValue))
            }
        }
    }

    @Test("every character of Unicode is normalized and split as by the reference")
    func everyCharacter() throws {
        let recorded = try Normalizer.recorded()
        #expect(recorded.count == 6)
        for normalizer in recorded {
            let splitter = BertWordSplitter(normalizer.settings)
            for (index, expected) in normalizer.digests.enumerated() {
                var digest: UInt64 = 0xcbf2_9ce4_8422_2325
                func add(_ byte: UInt8) { digest = (digest ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
                for value in UInt32(index) * 4096..<UInt32(index + 1) * 4096 {
                    guard let scalar = Unicode.Scalar(value) else { continue }
                    for word in splitter.words(of: "a\(scalar)b") {
                        for byte in word.utf8 { add(byte) }
                        add(0x20)
                    }
                    add(0x0a)
                }
                let hex = String(digest, radix: 16)
                let padded = String(repeating: "0", count: 16 - hex.count) + hex
                #expect(padded == expected, "\(normalizer.settings): U+\(String(index << 12, radix: 16))...")
            }
        }
    }
}
