import ObjectStore
import TestSupport
import Testing

@Suite struct XMLTreeTests {
    private static let listing = """
        \u{FEFF}<?xml version="1.0" encoding="UTF-8"?>
        <!-- a > b -->
        <s:ListBucketResult xmlns:s="http://s3/" note='a>b'>
          <Name>b&amp;c &#233;&#x1F600;</Name><Empty/><Contents><Key><![CDATA[<k>]]>&lt;&gt;</Key></Contents>
          <Contents ><Key>2</Key ></Contents >
        </s:ListBucketResult>
        """

    @Test("names, texts and entities are read; prefixes, attributes and comments are passed over")
    func document() throws {
        let tree = try #require(XMLTree(Array(Self.listing.utf8)))
        #expect(tree.name == "ListBucketResult")
        #expect(tree["Name"]?.text == "b&c é😀")
        #expect(tree["Empty"]?.text == "")
        #expect(tree.all("Contents").map { $0["Key"]?.text } == ["<k><>", "2"])
        #expect(tree.first("Key")?.text == "<k><>")
    }

    @Test(
        "what is malformed, too deep or has a document type is refused",
        arguments: [
            "", "x", "<a>", "<a></b>", "<a", "<a b='c", "<a>&nope;</a>", "<a>&#xD800;</a>", "<a>&#99999999;</a>",
            "<!DOCTYPE a><a/>",
            "<a><b></a></b>", "<a><![CDATA[x]]</a>",
            String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40),
        ])
    func malformed(_ text: String) {
        #expect(XMLTree(Array(text.utf8)) == nil)
    }

    @Test("no bytes crash the reader")
    func fuzz() {
        var generator = SeededGenerator(seed: 11)
        let seed = Array(Self.listing.utf8)
        var readable = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &generator)], at: index)
                }
            }
            if XMLTree(bytes) != nil { readable += 1 }
        }
        #expect(readable > 100 && readable < 20_000)
    }
}
