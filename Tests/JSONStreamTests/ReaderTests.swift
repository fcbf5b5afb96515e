import JSONStream
import TestSupport
import Testing

@Suite("Reading JSON")
struct ReaderTests {
    @Test(
        "well-formed texts decode",
        arguments: [
            ("null", JSONValue.null), (" true ", .bool(true)), ("0", .int(0)), ("-0", .int(0)), ("-12", .int(-12)),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
            ("18446744073709551615", .uint(.max)), ("18446744073709551616", .double(18_446_744_073_709_551_616)),
            ("1.5", .double(1.5)), ("1e3", .double(1000)), ("-2.5E-3", .double(-0.0025)), ("0.1", .double(0.1)),
            ("[]", .array([])), ("{}", .object([])),
            (#""a\u00e9\ud83d\ude00\n\/""#, .string("aé😀\n/")), ("[1,[2],{\"a\":null}]", [1, [2], ["a": nil]]),
        ] as [(String, JSONValue)])
    func wellFormed(text: String, value: JSONValue) throws {
        #expect(try JSONReader.decode(text.utf8) == value)
    }

    @Test(
        "malformed texts are refused",
        arguments: [
            "", " ", "nul", "tru", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x10", "NaN", "Infinity", "[1,]", "[,1]",
            "[1 2]",
            "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{01}\"", "[", "{", "]", "}", "1 1", "[]]", "'a'", "1e999",
            "\u{feff}1",
        ])
    func malformed(text: String) {
        #expect(throws: JSONError.self) { try JSONReader.decode(text.utf8) }
    }

    @Test(
        "a string that is not UTF-8 is refused",
        arguments: [
            [0x22, 0xff, 0x22], [0x22, 0xc3, 0x28, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
            [0x22, 0x5c, 0x6e, 0xc3, 0x22],
        ])
    func invalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONReader.decode(bytes) }
    }

    @Test("an error names line and column")
    func positions() {
        do throws(JSONError) {
            _ = try JSONReader.decode("{\n  \"a\": 1,\n  b\n}".utf8)
            Issue.record("decoded")
        } catch {
            #expect(error.line == 3 && error.column == 3)
        }
    }

    @Test("nesting beyond the limit is refused without exhausting the stack")
    func depth() {
        let deep = String(repeating: "[", count: 1_000_000)
        #expect(throws: JSONError.self) { try JSONReader.decode(deep.utf8) }
        let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try JSONReader.decode(allowed.utf8) }
    }

    @Test("of a repeated key the last value counts, unless repeats are refused")
    func duplicateKeys() throws {
        let text = #"{"a":1,"a":2}"#
        #expect(try JSONReader.decode(text.utf8)["a"] == 2)
        #expect(throws: JSONError.self) {
            try JSONReader.decode(text.utf8, options: JSONReaderOptions(rejectsDuplicateKeys: true))
        }
    }

    @Test("numbers round correctly, as the standard library's conversion does")
    func numbers() throws {
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<20_000 {
            let value = Double(bitPattern: generator.next())
            guard value.isFinite else { continue }
            for text in ["\(value)", "\(Float(value))"] where Double(text)?.isFinite == true {
                #expect(try JSONReader.decode(text.utf8).doubleValue == Double(text))
            }
        }
    }

    @Test("a text cut anywhere is refused, and random changes never crash the reader")
    func fuzz() {
        let text = Array(#"{"items":[{"id":"a","text":"h\u00e9llo"},{"n":-1.25e2,"b":[true,false,null]}]}"#.utf8)
        for end in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONReader.decode(text[..<end]) }
        }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<100_000 {
            var changed = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                changed[Int.random(in: 0..<changed.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            changed.withUnsafeBytes { buffer in
                var skipper = JSONReader(buffer)
                let skipped: Void? = try? skipper.skip()
                var decoder = JSONReader(buffer)
                let decoded = try? decoder.readValue()
                #expect((skipped != nil) == (decoded != nil))
            }
        }
    }
}

@Suite("Writing JSON")
struct WriterTests {
    private func text(_ value: JSONValue, _ options: JSONWriter.Options = .init()) -> String {
        String(decoding: JSONWriter.encode(value, options: options), as: UTF8.self)
    }

    @Test("values are written compactly and read back the same")
    func roundTrip() throws {
        let value: JSONValue = ["a": [1, -2.5, true, nil, "x\"\\\n\u{1}é😀/"], "b": ["c": [:], "d": []]]
        #expect(text(value) == "{\"a\":[1,-2.5,true,null,\"x\\\"\\\\\\n\\u0001é😀/\"],\"b\":{\"c\":{},\"d\":[]}}")
        #expect(try JSONReader.decode(text(value).utf8) == value)
    }

    @Test("keys can be sorted by their bytes and text outside ASCII be escaped")
    func options() {
        let value: JSONValue = ["é": 1, "b": 2, "a": "😀\u{7f}"]
        #expect(
            text(value, .init(escapesNonASCII: true, sortsKeys: true))
                == "{\"a\":\"\\ud83d\\ude00\u{7f}\",\"b\":2,\"\\u00e9\":1}")
    }

    @Test(
        "doubles look as the pinned writers print them",
        arguments: [
            (0.00001, "1e-05", "0.00001"), (0.000001, "1e-06", "1e-6"), (0.0001, "0.0001", "0.0001"),
            (1e15, "1000000000000000.0", "1000000000000000.0"), (1e16, "1e+16", "1e+16"), (1.0, "1.0", "1.0"),
            (-0.0, "-0.0", "-0.0"), (0.1, "0.1", "0.1"), (123456789.125, "123456789.125", "123456789.125"),
            (1.5e300, "1.5e+300", "1.5e+300"), (9_007_199_254_740_992, "9007199254740992.0", "9007199254740992.0"),
            (1.25e-7, "1.25e-07", "1.25e-7"), (0.1 + 0.2, "0.30000000000000004", "0.30000000000000004"),
        ] as [(Double, String, String)])
    func numberStyles(value: Double, python: String, orjson: String) {
        #expect(JSONNumberStyle.python.text(value) == python)
        #expect(JSONNumberStyle.orjson.text(value) == orjson)
        #expect(Double(python) == value && Double(orjson) == value)
    }

    @Test("what JSON cannot say becomes null")
    func nonFinite() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.write(Double.nan)
        writer.write(-Double.infinity)
        writer.write(Float.infinity)
        writer.endArray()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "[null,null,null]")
    }

    @Test(
        "fixed decimals round half away from zero",
        arguments: [
            (14.64, 1, "14.6"), (14.65, 1, "14.7"), (0, 1, "0.0"), (-0.06, 1, "-0.1"), (3, 0, "3"), (0.049, 1, "0.0"),
            (1234.5678, 2, "1234.57"),
        ] as [(Double, Int, String)])
    func fixedDecimals(value: Double, decimals: Int, text: String) {
        #expect(FixedDecimal.text(value, decimals: decimals) == text)
    }
}
