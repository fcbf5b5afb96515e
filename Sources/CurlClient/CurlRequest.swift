/// One HTTP request, as libcurl is to send it.
///
/// Redirects are not followed: an answer with a 3xx status is an answer. No status is an error.
public struct CurlRequest: Sendable {
    /// A header field; names keep their case on HTTP/1.1.
    public struct Header: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// Which proxy to use.
    public enum Proxy: Sendable, Hashable {
        /// As `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say.
        case environment
        /// None, whatever the environment says: for addresses that only this machine can reach.
        case none
        /// This one: `http://`, `https://` or `socks5://`.
        case url(String)
    }

    /// The method, such as `GET`.
    public var method: String
    /// An `http://` or `https://` URL, percent-encoded.
    public var url: String
    public var headers: [Header]
    /// The request's body; nil for none. An empty body is sent with its length of 0.
    public var body: [UInt8]?
    public var timeouts: CurlTimeouts
    public var tls: CurlTLS
    public var proxy: Proxy
    /// Who signs the request, for services of AWS.
    public var awsSignature: AWSSignature?
    /// Whether a connection is given up, with all that goes over it, where this request times out on it and nothing else
    /// has come over it meanwhile. For requests that ask whether the other side is still there: over HTTP/2, others share
    /// their connection, and libcurl goes on using one that is silent.
    public var closesSilentConnection = false

    public init(
        _ method: String = "GET", _ url: String, headers: [Header] = [], body: [UInt8]? = nil,
        timeouts: CurlTimeouts = CurlTimeouts(), tls: CurlTLS = CurlTLS(), proxy: Proxy = .environment,
        awsSignature: AWSSignature? = nil
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.timeouts = timeouts
        self.tls = tls
        self.proxy = proxy
        self.awsSignature = awsSignature
    }
}

extension CurlRequest: CustomStringConvertible {
    /// Method and URL without its query; headers and bodies may hold secrets.
    public var description: String { "\(method) \(url.prefix { $0 != "?" })" }
}
