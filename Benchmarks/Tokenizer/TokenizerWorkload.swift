import Foundation
import JSONStream

/// Texts of one kind.
struct TokenizerWorkload {
    let name: String
    let texts: [String]

    /// UTF-8 bytes of all texts.
    var bytes: Int { texts.reduce(0) { $0 + $1.utf8.count } }

    /// The licence's paragraphs, queries of twelve words of the vocabulary, longer texts of such words, and short hard
    /// texts in many scripts; each kind around 1 MB, repeated where there is less.
    static func all(vocabulary: JSONValue, hardTexts: String, licence: String) throws -> [TokenizerWorkload] {
        let words = (vocabulary.objectValue ?? []).map(\.key).filter { word in
            word.utf8.count > 1 && word.utf8.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
        }
        var state: UInt64 = 20_260_101
        func text(words count: Int) -> String {
            (0..<count).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return words[Int((state >> 33) % UInt64(words.count))]
            }.joined(separator: " ")
        }
        let hard = try hardTexts.split(separator: "\n").compactMap {
            try JSONReader.decode($0.utf8)["t"]?.stringValue
        }.filter { $0.utf8.count < 400 }
        return [
            repeated("paragraphs of English, 320 B", licence.split(separator: "\n\n").map(String.init)),
            TokenizerWorkload(name: "queries of 12 words", texts: (0..<12_000).map { _ in text(words: 12) }),
            TokenizerWorkload(name: "texts of 150 words", texts: (0..<1000).map { _ in text(words: 150) }),
            repeated("short texts in many scripts", hard),
        ]
    }

    private static func repeated(_ name: String, _ texts: [String]) -> TokenizerWorkload {
        let once = TokenizerWorkload(name: name, texts: texts)
        let times = max(1, 1_000_000 / max(1, once.bytes))
        return TokenizerWorkload(name: name, texts: Array(repeatElement(texts, count: times).joined()))
    }
}
