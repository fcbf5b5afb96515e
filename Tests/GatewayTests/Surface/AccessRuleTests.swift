import Gateway
import HTTPService
import NIOCore
import NIOHTTP1
import Settings
import Testing

@Suite("Who may call what")
struct AccessRuleTests {
    static func rule(
        mode: String = "token", tokens: String = "reader, other", admin: String? = "root", exempt: Bool = false
    ) throws -> AccessRule {
        var variables = ["SIE_AUTH_MODE": mode, "SIE_AUTH_TOKENS": tokens]
        variables["SIE_ADMIN_TOKEN"] = admin
        if exempt { variables["SIE_AUTH_EXEMPT_OPERATIONAL"] = "true" }
        return try AccessRule(GatewayConfiguration(environment: Environment(variables)).authentication)
    }

    static func status(
        _ rule: AccessRule, _ method: String, _ path: String, _ authorization: String? = nil
    ) -> Int {
        guard case .deny(let status, _) = rule.verdict(method: method, path: path, authorization: authorization) else {
            return 200
        }
        return status
    }

    @Test("tokens are checked in the modes token and static alone, and a typing error does not start")
    func modes() throws {
        for mode in ["token", "static"] {
            #expect(Self.status(try Self.rule(mode: mode), "GET", "/v1/models") == 401)
        }
        for mode in ["none", ""] {
            #expect(Self.status(try Self.rule(mode: mode), "DELETE", "/v1/pools/x") == 200)
        }
        for mode in ["disabled", "Token", "tokens", "on"] {
            #expect(throws: AccessRule.UnknownMode.self) { try Self.rule(mode: mode) }
        }
    }

    @Test("probes need no token; operational pages need one unless exempted")
    func exemptions() throws {
        let rule = try Self.rule()
        let exempting = try Self.rule(exempt: true)
        for path in ["/healthz", "/readyz"] { #expect(Self.status(rule, "GET", path) == 200) }
        for path in ["/", "/health", "/metrics", "/ws/cluster-status"] {
            #expect(Self.status(rule, "GET", path) == 401)
            #expect(Self.status(exempting, "GET", path) == 200)
        }
        #expect(Self.status(exempting, "GET", "/v1/models") == 401)
        #expect(Self.status(exempting, "GET", "/wsx") == 401)
    }

    @Test("a caller needs one of the tokens, with or without the word Bearer, and unknown paths need it too")
    func tokens() throws {
        let rule = try Self.rule()
        #expect(Self.status(rule, "POST", "/v1/encode/m", "Bearer reader") == 200)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "bearer   other ") == 200)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "  reader ") == 200)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "Bearer wrong") == 401)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "Bearer reader2") == 401)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "Bearer") == 401)
        #expect(Self.status(rule, "GET", "/nowhere") == 401)
        #expect(
            rule.verdict(method: "GET", path: "/v1/models", authorization: nil)
                == .deny(status: 401, message: "Missing Authorization header"))
        #expect(
            rule.verdict(method: "GET", path: "/v1/models", authorization: "x")
                == .deny(status: 401, message: "Invalid token"))
    }

    @Test(
        "mutations of pools and configuration want the admin token; reads, resolving and inference do not",
        arguments: [
            ("POST", "/v1/configs/models", true), ("PUT", "/v1/configs/x", true), ("PATCH", "/v1/pools/a", true),
            ("DELETE", "/v1/admin/x", true), ("POST", "/v1/pools", true), ("DELETE", "/v1/pools/a", true),
            ("POST", "/v1/pools/a/renew", true),
            ("GET", "/v1/configs/models", false), ("GET", "/v1/admin/x", false), ("GET", "/v1/pools", false),
            ("POST", "/v1/encode/m", false), ("POST", "/v1/configs/resolve", false),
        ])
    func administration(method: String, path: String, isAdministrative: Bool) throws {
        let rule = try Self.rule()
        #expect(Self.status(rule, method, path, "Bearer reader") == (isAdministrative ? 403 : 200))
        #expect(Self.status(rule, method, path) == 401)
        if isAdministrative {
            #expect(Self.status(rule, method, path, "Bearer root") == 200)
            #expect(
                try Self.rule(admin: nil).verdict(method: method, path: path, authorization: "Bearer reader")
                    == .deny(status: 403, message: "Admin token not configured"))
        }
    }

    @Test("the admin token reads the configuration, but does no inference")
    func adminReads() throws {
        let rule = try Self.rule()
        #expect(Self.status(rule, "GET", "/v1/configs/models", "Bearer root") == 200)
        #expect(Self.status(rule, "GET", "/v1/configs/bundles/default", "Bearer root") == 200)
        #expect(Self.status(rule, "POST", "/v1/encode/m", "Bearer root") == 401)
    }

    @Test("an explicit mode without any token closes everything with 500")
    func noTokens() throws {
        let rule = try Self.rule(tokens: " , ")
        #expect(
            rule.verdict(method: "POST", path: "/v1/encode/m", authorization: "Bearer x")
                == .deny(status: 500, message: "Gateway auth enabled but no tokens configured"))
        #expect(Self.status(rule, "GET", "/healthz") == 200)
    }

    @Test("who is turned away reads why")
    func reply() throws {
        let reply = try #require(AccessRule.Verdict.deny(status: 403, message: "Admin token required").reply)
        #expect(reply.status == .forbidden)
        #expect(String(buffer: reply.body) == #"{"message":"Admin token required"}"#)
        #expect(AccessRule.Verdict.allow.reply == nil)
    }
}
