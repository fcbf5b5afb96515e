/// Why a request got no answer, or not a whole one.
public enum CurlError: Error, Sendable, Hashable {
    /// The request cannot be sent as it is; sending it again cannot help.
    case invalidRequest(String)
    /// The name does not resolve, or nobody listens: the server has seen nothing of the request.
    case cannotConnect(String)
    /// The peers do not trust each other, or a certificate cannot be read.
    case tls(String)
    /// One of the request's timeouts; the server may have carried it out.
    case timedOut(String)
    /// The connection broke before the answer had come whole; the server may have carried the request out.
    case connectionLost(String)
    /// The body is longer than the caller wants.
    case bodyTooLarge(limitBytes: Int)
    /// The task was cancelled.
    case cancelled
    /// The client was shut down.
    case shutDown
    /// Any other failure, with libcurl's code.
    case other(code: Int, String)

    /// Whether the server cannot have carried the request out.
    public var isBeforeSending: Bool {
        switch self {
        case .invalidRequest, .cannotConnect, .tls, .shutDown: true
        case .timedOut, .connectionLost, .bodyTooLarge, .cancelled, .other: false
        }
    }
}

extension CurlError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidRequest(let reason): "the request cannot be sent: \(reason)"
        case .cannotConnect(let reason): "cannot connect: \(reason)"
        case .tls(let reason): "TLS failed: \(reason)"
        case .timedOut(let reason): "timed out: \(reason)"
        case .connectionLost(let reason): "the connection was lost: \(reason)"
        case .bodyTooLarge(let limit): "the answer is longer than \(limit) bytes"
        case .cancelled: "cancelled"
        case .shutDown: "the HTTP client was shut down"
        case .other(let code, let reason): "libcurl error \(code): \(reason)"
        }
    }
}
