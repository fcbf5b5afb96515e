import Gateway
import Settings
import Testing

@Suite("Findings about authentication at the start")
struct AuthenticationFindingTests {
    private static func findings(_ environment: [String: String]) -> [AuthenticationFinding] {
        AuthenticationFinding.findings(
            in: GatewayConfiguration(environment: Environment(environment)).authentication)
    }

    @Test("settings without authentication or with all of it have none", arguments: ["token", "static"])
    func clean(mode: String) {
        #expect(Self.findings([:]).isEmpty)
        #expect(Self.findings(["SIE_AUTH_MODE": "none"]).isEmpty)
        #expect(
            Self.findings(["SIE_AUTH_MODE": mode, "SIE_AUTH_TOKEN": "t", "SIE_ADMIN_TOKEN": "a"]).isEmpty)
        #expect(
            Self.findings(["SIE_AUTH_MODE": mode, "SIE_AUTH_TOKENS_FILE": "f", "SIE_ADMIN_TOKEN": "a"]).isEmpty)
    }

    @Test("tokens that nobody checks are an error", arguments: ["SIE_AUTH_TOKENS", "SIE_AUTH_TOKENS_FILE"])
    func unchecked(variable: String) {
        let findings = Self.findings([variable: "secret"])
        #expect(findings.map(\.severity) == [.error])
        #expect(findings.first?.message.contains("DISABLED") == true)
        #expect(findings.first?.message.contains("secret") == false)
    }

    @Test("authentication without tokens is an error, without an admin token a warning")
    func missing() {
        let findings = Self.findings(["SIE_AUTH_MODE": "token"])
        #expect(findings.map(\.severity) == [.error, .warning])
        #expect(findings.first?.message.contains("SIE_AUTH_TOKEN") == true)
        #expect(findings.last?.message.contains("SIE_ADMIN_TOKEN") == true)
    }

    @Test("open operational paths are a warning")
    func exemption() {
        let findings = Self.findings([
            "SIE_AUTH_MODE": "token", "SIE_AUTH_TOKEN": "t", "SIE_ADMIN_TOKEN": "a",
            "SIE_AUTH_EXEMPT_OPERATIONAL": "yes",
        ])
        #expect(findings.map(\.severity) == [.warning])
        #expect(findings.first?.message.contains("SIE_AUTH_EXEMPT_OPERATIONAL") == true)
    }
}
