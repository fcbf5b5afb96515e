import Gateway
import Testing

@Suite("Model paths")
struct ModelPathTests {
    @Test(
        "one model has two spellings and an optional bundle in front",
        arguments: [
            ("BAAI/bge-m3", nil, "BAAI/bge-m3"),
            ("BAAI%2Fbge-m3", nil, "BAAI/bge-m3"),
            ("premium:/BAAI/bge-m3", "premium", "BAAI/bge-m3"),
            (":/BAAI/bge-m3", nil, "BAAI/bge-m3"),
            ("a:/b:/c", "a", "b:/c"),
            ("model:sparse", nil, "model:sparse"),
            ("sp%20ace", nil, "sp ace"),
            ("caf%C3%A9", nil, "café"),
        ] as [(Substring, String?, String)])
    func parses(raw: Substring, bundle: String?, model: String) throws {
        #expect(try ModelPath(raw: raw) == ModelPath(bundle: bundle, modelID: model))
    }

    @Test(
        "what no model can be called is refused with its reason",
        arguments: [
            ("", .empty),
            ("premium:/", .empty),
            ("../etc/passwd", .dotSegment),
            ("a/%2e%2e/b", .dotSegment),
            ("a..b", .dotSegment),
            ("a%00b", .controlCharacter),
            ("a%0Ab", .controlCharacter),
            ("a%C2%85b", .controlCharacter),
            ("%FF%FE", .notUTF8),
            ("a%C3", .notUTF8),
            ("a%", .badPercentEncoding),
            ("a%2", .badPercentEncoding),
            ("a%ZZ", .badPercentEncoding),
            (Substring(String(repeating: "m", count: 513)), .tooLong),
        ] as [(Substring, ModelPath.Rejection)])
    func refuses(raw: Substring, rejection: ModelPath.Rejection) {
        #expect(throws: rejection) { try ModelPath(raw: raw) }
    }
}
