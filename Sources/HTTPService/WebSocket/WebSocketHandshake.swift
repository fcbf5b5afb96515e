import Crypto
import FoundationEssentials

/// The keys of the opening handshake, RFC 6455 section 4.
enum WebSocketHandshake {
    /// A client's fresh key: 16 random bytes in base64.
    static func makeKey() -> String {
        Data((0..<16).map { _ in UInt8.random(in: .min ... .max) }).base64EncodedString()
    }

    /// The server's proof that it has read the key.
    static func accept(forKey key: String) -> String {
        let text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        return Data(Insecure.SHA1.hash(data: Data(text.utf8))).base64EncodedString()
    }

    /// Whether a client's key is 16 bytes in base64.
    static func isValid(key: String) -> Bool {
        key.utf8.count == 24 && Data(base64Encoded: key)?.count == 16
    }
}
