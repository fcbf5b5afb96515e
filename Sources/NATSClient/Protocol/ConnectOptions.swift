/// The JSON of CONNECT.
struct ConnectOptions: Encodable, Equatable {
    var verbose = false
    var pedantic = false
    var tlsRequired = false
    var name: String?
    var language = "swift"
    var version = "1.0.0"
    var protocolVersion = 1
    var echo = true
    var headers = true
    var noResponders = true
    var user: String?
    var password: String?
    var token: String?
    var publicKey: String?
    var jwt: String?
    var signature: String?

    private enum CodingKeys: String, CodingKey {
        case verbose, pedantic, name, version, echo, headers, user, jwt
        case tlsRequired = "tls_required"
        case language = "lang"
        case protocolVersion = "protocol"
        case noResponders = "no_responders"
        case password = "pass"
        case token = "auth_token"
        case publicKey = "nkey"
        case signature = "sig"
    }
}
