import HTTPService
import HTTPTypes

/// Who may read and who may write.
struct Authorization: Sendable {
    private let tokens: ConfigServiceConfiguration.Tokens

    /// Takes the tokens of the configuration.
    init(_ tokens: ConfigServiceConfiguration.Tokens) {
        self.tokens = tokens
    }

    /// The token given; a scheme without one is none.
    private func token(_ headers: HTTPFields) -> String? {
        BearerToken.token(in: headers[.authorization]).flatMap { $0.lowercased() == "bearer" ? nil : $0 }
    }

    /// The name of the token that opened a request, for the audit log; nil where no token is configured or none fits.
    func tokenName(_ headers: HTTPFields) -> String? {
        guard let given = token(headers) else { return nil }
        if let admin = tokens.admin?.current, !admin.isEmpty, BearerToken.matches(given, admin) { return "admin" }
        if let inference = tokens.inference?.current, !inference.isEmpty, BearerToken.matches(given, inference) {
            return "inference"
        }
        return nil
    }

    /// Reads are open where no token is configured; otherwise either token opens them.
    func requireReader(_ headers: HTTPFields) throws(APIError) {
        guard tokens.admin != nil || tokens.inference != nil else { return }
        guard let given = token(headers) else { throw .missingToken }
        let known = [tokens.admin, tokens.inference].compactMap { $0?.current }.filter { !$0.isEmpty }
        guard BearerToken.matches(given, anyOf: known) else { throw .invalidToken }
    }

    /// Writes are open where no token is configured; otherwise only the admin token opens them.
    func requireAdmin(_ headers: HTTPFields) throws(APIError) {
        guard let admin = tokens.admin?.current else {
            guard tokens.inference == nil else { throw .writesClosed }
            return
        }
        guard let given = token(headers) else { throw .missingToken }
        guard !admin.isEmpty, BearerToken.matches(given, admin) else { throw .adminTokenRequired }
    }
}
