import Crypto
import Foundation
import NATSClient

/// An operator, account or user key made for a test, which can sign JWTs as `nsc` does.
struct TestIdentity {
    /// The prefix bytes of public keys.
    enum Kind: UInt8 {
        case user = 0xA0
        case account = 0x00
        case `operator` = 0x70
    }

    private let key = Curve25519.Signing.PrivateKey()
    private let kind: Kind

    init(_ kind: Kind) { self.kind = kind }

    var publicKey: String { Self.text([kind.rawValue] + Array(key.publicKey.rawRepresentation)) }

    var seed: String {
        Self.text([0x90 | kind.rawValue >> 5, (kind.rawValue & 31) << 3] + Array(key.rawRepresentation))
    }

    /// A JWT for `subject`, signed by this key.
    func issue(subject: TestIdentity, claims: [String: Any]) throws -> String {
        let header = ["typ": "JWT", "alg": "ed25519-nkey"]
        let body: [String: Any] = [
            "jti": UUID().uuidString, "iat": Int(Date().timeIntervalSince1970), "iss": publicKey, "name": "test",
            "sub": subject.publicKey, "nats": claims,
        ]
        let signed = try [header as [String: Any], body]
            .map { Self.base64(try JSONSerialization.data(withJSONObject: $0)) }.joined(separator: ".")
        return "\(signed).\(Self.base64(try key.signature(for: Data(signed.utf8))))"
    }

    private static func text(_ bytes: [UInt8]) -> String {
        let checksum = CRC16.checksum(of: bytes)
        return Base32.encode(bytes + [UInt8(checksum & 0xFF), UInt8(checksum >> 8)])
    }

    private static func base64(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
