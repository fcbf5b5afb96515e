import Crypto
import CryptoExtras
import FoundationEssentials
import JSONStream

/// The key of a service account, which signs for access tokens (RFC 7523 with RS256).
package struct ServiceAccountKey: Sendable {
    private let email: String
    private let keyID: String?
    private let key: _RSA.Signing.PrivateKey
    /// Who gives tokens for assertions.
    package let tokenURL: String

    /// Reads the JSON of a key file.
    package init(_ json: JSONValue) throws(CredentialError) {
        guard let email = json["client_email"]?.stringValue, let pem = json["private_key"]?.stringValue else {
            throw CredentialError("the service account's key lacks client_email or private_key")
        }
        do {
            key = try _RSA.Signing.PrivateKey(pemRepresentation: pem)
        } catch {
            throw CredentialError("the private_key of \(email) is no RSA key in PEM form")
        }
        self.email = email
        keyID = json["private_key_id"]?.stringValue
        tokenURL = json["token_uri"]?.stringValue ?? "https://oauth2.googleapis.com/token"
    }

    /// A signed assertion that lives for an hour.
    package func assertion(scope: String, now: Date) throws(CredentialError) -> String {
        var header: [JSONMember] = [JSONMember("alg", "RS256"), JSONMember("typ", "JWT")]
        if let keyID { header.append(JSONMember("kid", .string(keyID))) }
        let issued = Int64(now.timeIntervalSince1970)
        let claims: JSONValue = [
            "iss": .string(email), "scope": .string(scope), "aud": .string(tokenURL), "iat": .int(issued),
            "exp": .int(issued + 3600),
        ]
        let signed =
            "\(Self.base64URL(JSONWriter.encode(.object(header)))).\(Self.base64URL(JSONWriter.encode(claims)))"
        do {
            let signature = try key.signature(for: Array(signed.utf8), padding: .insecurePKCS1v1_5)
            return "\(signed).\(Self.base64URL(signature.rawRepresentation))"
        } catch {
            throw CredentialError("the key of \(email) cannot sign")
        }
    }

    private static func base64URL(_ bytes: some Collection<UInt8>) -> String {
        let text = Data(bytes).base64EncodedString().utf8.compactMap { byte -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="): nil
            default: byte
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
