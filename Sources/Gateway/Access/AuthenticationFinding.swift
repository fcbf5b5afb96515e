/// Something about the authentication settings that whoever runs the gateway should hear of at start.
package struct AuthenticationFinding: Equatable, Sendable {
    package enum Severity: Sendable {
        case warning
        case error
    }

    package var severity: Severity
    /// What is the matter and what to do; names variables, never a token.
    package var message: String

    package init(_ severity: Severity, _ message: String) {
        self.severity = severity
        self.message = message
    }

    /// What is odd about settings. An unknown mode is no finding: the gateway does not start with one.
    package static func findings(in settings: GatewayConfiguration.Authentication) -> [AuthenticationFinding] {
        let hasTokens = !settings.tokens.isEmpty || settings.tokensFile != nil
        guard AccessRule.checksTokens(mode: settings.mode) == true else {
            guard hasTokens else { return [] }
            return [
                AuthenticationFinding(
                    .error,
                    "client tokens are set and authentication is DISABLED: set SIE_AUTH_MODE=token to check them")
            ]
        }
        var findings: [AuthenticationFinding] = []
        if !hasTokens {
            findings.append(
                AuthenticationFinding(
                    .error,
                    "authentication is enabled and no client token is set, every request will be refused: set "
                        + "SIE_AUTH_TOKENS, SIE_AUTH_TOKEN or SIE_AUTH_TOKENS_FILE"))
        }
        if settings.adminToken == nil {
            findings.append(
                AuthenticationFinding(.warning, "SIE_ADMIN_TOKEN is not set: administrative routes are closed"))
        }
        if settings.exemptsOperationalPaths {
            findings.append(
                AuthenticationFinding(
                    .warning, "SIE_AUTH_EXEMPT_OPERATIONAL leaves /, /health, /metrics and /ws/* open to everybody"))
        }
        return findings
    }
}
