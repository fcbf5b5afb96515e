import Testing
import YAML

@Suite("YAML emitter")
struct YAMLEmitterTests {
    @Test("text comes in block style, lists as deep as their key, as PyYAML dumps it")
    func layout() throws {
        let node = try YAMLNode(
            parsing: "{name: default, adapters: [a.b, c.d], empty: {}, none: [], nested: {x: {y: [1, {z: 2, w: 3}]}}}")
        let text = """
            name: default
            adapters:
            - a.b
            - c.d
            empty: {}
            none: []
            nested:
              x:
                y:
                - 1
                - z: 2
                  w: 3

            """
        #expect(YAMLEmitter().text(of: node) == text)
    }

    @Test("keys can come sorted")
    func sorting() throws {
        let node = try YAMLNode(parsing: "{b: 1, a: {d: 1, c: 2}, B: 3}")
        #expect(YAMLEmitter(sortsKeys: true).text(of: node) == "B: 3\na:\n  c: 2\n  d: 1\nb: 1\n")
    }

    @Test(
        "strings that a reader would take for another type are quoted, others are not",
        arguments: [
            ("yes", "'yes'"), ("no", "'no'"), ("null", "'null'"), ("~", "'~'"), ("", "''"), ("12", "'12'"),
            ("1.5", "'1.5'"), ("0x10", "'0x10'"), ("12:30", "'12:30'"), ("2024-01-02", "'2024-01-02'"), ("=", "'='"),
            ("<<", "'<<'"), ("1e3", "1e3"), ("plain text", "plain text"), ("a: b", "'a: b'"), ("# x", "'# x'"),
            ("it's", "it's"), ("'q'", "'''q'''"), ("tab\there", "\"tab\\there\""), ("é", "é"), ("- x", "'- x'"),
            ("trailing ", "'trailing '"), ("a.b:C", "a.b:C"), ("\u{0}", "\"\\0\""),
        ])
    func quoting(_ string: String, _ written: String) {
        #expect(YAMLEmitter().text(of: .mapping(["k": .string(string)])) == "k: \(written)\n")
    }

    @Test(
        "floats keep a point and a sign in the exponent, so that they stay floats",
        arguments: [(1e16, "1.0e+16"), (1.5e-7, "1.5e-07"), (8192, "8192.0"), (-0.0, "-0.0"), (.infinity, ".inf")])
    func floats(_ number: Double, _ written: String) {
        #expect(YAMLEmitter().text(of: .mapping(["k": YAMLNode(.float(number))])) == "k: \(written)\n")
    }

    @Test("long text is never folded")
    func width() {
        let words = String(repeating: "word ", count: 100) + "end"
        #expect(YAMLEmitter().text(of: .mapping(["k": .string(words)])) == "k: \(words)\n")
    }
}
