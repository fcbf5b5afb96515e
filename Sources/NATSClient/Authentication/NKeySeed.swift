import Crypto
import FoundationEssentials

/// The seed of a user's nkey: base 32 of two prefix bytes, 32 bytes of Ed25519 seed and a CRC-16, e.g. `SUAM...`
/// (github.com/nats-io/nkeys).
package struct NKeySeed {
    /// The prefix byte of a public key, by the kind of its owner.
    private static let seedPrefix: UInt8 = 18 << 3
    private static let userPrefix: UInt8 = 20 << 3

    private let key: Curve25519.Signing.PrivateKey
    private let kind: UInt8

    /// - Throws: ``NATSError/invalidCredentials(_:)``; the text holds nothing of the seed.
    package init(_ text: String) throws(NATSError) {
        guard let bytes = Base32.decode(text.utf8), bytes.count == 36 else {
            throw .invalidCredentials("the nkey seed is not 36 bytes of base 32")
        }
        let checksum = UInt16(bytes[34]) | UInt16(bytes[35]) << 8
        guard CRC16.checksum(of: bytes[..<34]) == checksum else {
            throw .invalidCredentials("the nkey seed's checksum is wrong")
        }
        let kind = (bytes[0] & 7) << 5 | (bytes[1] & 0xF8) >> 3
        guard bytes[0] & 0xF8 == Self.seedPrefix, kind == Self.userPrefix else {
            throw .invalidCredentials("the nkey seed is not a user's (it must begin with SU)")
        }
        do {
            self.key = try Curve25519.Signing.PrivateKey(rawRepresentation: Data(bytes[2..<34]))
        } catch {
            throw .invalidCredentials("the nkey seed is no Ed25519 seed")
        }
        self.kind = kind
    }

    /// The public key in the text form servers are configured with, e.g. `UDX...`.
    var publicKey: String {
        var bytes = [kind] + Array(key.publicKey.rawRepresentation)
        let checksum = CRC16.checksum(of: bytes)
        bytes.append(UInt8(truncatingIfNeeded: checksum))
        bytes.append(UInt8(truncatingIfNeeded: checksum >> 8))
        return Base32.encode(bytes)
    }

    /// The signature of a server's nonce, in unpadded URL-safe base 64.
    func sign(_ nonce: String) throws(NATSError) -> String {
        do {
            let signature = try key.signature(for: Data(nonce.utf8))
            return signature.base64EncodedString()
                .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        } catch {
            throw .invalidCredentials("the server's nonce cannot be signed")
        }
    }
}
