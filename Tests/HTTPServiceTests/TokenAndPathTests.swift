import HTTPService
import Testing

@Suite("Tokens and paths")
struct TokenAndPathTests {
    @Test(
        "a bearer token is found with or without its prefix",
        arguments: [
            ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER  abc ", "abc"), ("abc", "abc"), ("  abc  ", "abc"),
            ("Bearer", "Bearer"), ("Basic abc", "Basic abc"),
        ])
    func token(header: String, token: String) {
        #expect(BearerToken.token(in: header) == token)
    }

    @Test("an empty or missing header holds no token", arguments: [nil, "", "   "])
    func noToken(header: String?) {
        #expect(BearerToken.token(in: header) == nil)
    }

    @Test("tokens match only if they are equal, also in length")
    func matches() {
        #expect(BearerToken.matches("secret", "secret"))
        for other in ["", "secre", "secrets", "Secret", "secretsecret"] {
            #expect(!BearerToken.matches(other, "secret"))
            #expect(!BearerToken.matches("secret", other))
        }
        #expect(BearerToken.matches("b", anyOf: ["a", "b", "c"]))
        #expect(!BearerToken.matches("d", anyOf: ["a", "b", "c"]))
        #expect(!BearerToken.matches("d", anyOf: []))
    }

    @Test("percent escapes decode to UTF-8 or to nothing")
    func percentEncoding() {
        #expect(PercentEncoding.decode("a%2Fb%20c+d".utf8) == "a/b c+d")
        #expect(PercentEncoding.decode("gr%C3%BC%c3%9fe".utf8) == "grüße")
        for bad in ["%", "%2", "%zz", "%ff", "%C3"] {
            #expect(PercentEncoding.decode(bad.utf8) == nil)
        }
    }
}
