import HTTPService
import NIOCore
import NIOHTTP1

/// Who may call what, decided from method, path and `Authorization` alone (gateway contract section 9).
package struct AccessRule: Sendable {
    package enum Verdict: Equatable, Sendable {
        case allow
        case deny(status: Int, message: String)
    }

    private let isEnabled: Bool
    private let tokens: [String]
    private let tokenFile: TokenFile?
    private let adminToken: String?
    private let exemptsOperationalPaths: Bool

    /// - Throws: `AccessRule.UnknownMode` where the mode is a typing error: a gateway that meant to be closed must not
    ///   start open.
    ///
    /// - Parameter tokenFile: further tokens of ordinary callers, each with a name.
    package init(
        _ authentication: GatewayConfiguration.Authentication, tokenFile: TokenFile? = nil
    ) throws(UnknownMode) {
        guard let checksTokens = Self.checksTokens(mode: authentication.mode) else {
            throw UnknownMode(mode: authentication.mode)
        }
        isEnabled = checksTokens
        tokens = authentication.tokens
        self.tokenFile = tokenFile
        adminToken = authentication.adminToken
        exemptsOperationalPaths = authentication.exemptsOperationalPaths
    }

    package struct UnknownMode: Error, CustomStringConvertible {
        package let mode: String
        package var description: String { "SIE_AUTH_MODE '\(mode)' is unknown: use none, token or static" }
    }

    /// Whether everybody may call everything.
    package var allowsEverybody: Bool { !isEnabled }

    package func verdict(method: String, path: String, authorization: String?) -> Verdict {
        guard isEnabled, path != "/healthz", path != "/readyz" else { return .allow }
        if exemptsOperationalPaths, path == "/" || path == "/health" || path == "/metrics" || path.hasPrefix("/ws/") {
            return .allow
        }
        guard !tokens.isEmpty || tokenFile != nil else {
            return .deny(status: 500, message: "Gateway auth enabled but no tokens configured")
        }
        guard let token = BearerToken.token(in: authorization) else {
            return .deny(status: 401, message: "Missing Authorization header")
        }
        let isAdmin = adminToken.map { BearerToken.matches(token, $0) } ?? false
        if Self.isAdministrative(method: method, path: path) {
            guard adminToken != nil else { return .deny(status: 403, message: "Admin token not configured") }
            return isAdmin ? .allow : .deny(status: 403, message: "Admin token required")
        }
        // The product documents open configuration reads to the admin token as well.
        if isAdmin, path.hasPrefix("/v1/configs/") { return .allow }
        if BearerToken.matches(token, anyOf: tokens) || tokenFile?.grant(for: token) != nil { return .allow }
        return .deny(status: 401, message: "Invalid token")
    }

    /// Whether a mode checks tokens; nil for a mode that does not exist.
    package static func checksTokens(mode: String) -> Bool? {
        switch mode {
        case "", "none": false
        case "token", "static": true
        default: nil
        }
    }

    /// What the tokens file says of a caller; nil for callers with tokens from elsewhere, who have no limits.
    package func grant(authorization: String?) -> TokenGrant? {
        guard isEnabled, let tokenFile, let token = BearerToken.token(in: authorization) else { return nil }
        return tokenFile.grant(for: token)
    }

    /// Mutations of pools and configuration; resolving is a read.
    private static func isAdministrative(method: String, path: String) -> Bool {
        guard ["POST", "PUT", "PATCH", "DELETE"].contains(method), path != "/v1/configs/resolve" else { return false }
        return path.hasPrefix("/v1/config") || path.hasPrefix("/v1/admin") || path.hasPrefix("/v1/pools")
    }
}

extension AccessRule.Verdict {
    /// The answer to a caller who is turned away, nil for others.
    package var reply: HTTPReply? {
        guard case .deny(let status, let message) = self else { return nil }
        let body = HTTPErrorBodies.message.body(status: status, message: message)
        return HTTPReply(
            status: HTTPResponseStatus(statusCode: status), contentType: body?.contentType ?? "application/json",
            body: body?.bytes ?? ByteBuffer())
    }
}
