import JSONStream

/// An answer of the API server that says no.
public struct StatusError: Error, Sendable, Hashable {
    /// Why, as far as callers act on it (`metav1.StatusReason`).
    public enum Reason: Sendable, Hashable {
        case badRequest
        case unauthorized
        case forbidden
        case notFound
        case methodNotAllowed
        case alreadyExists
        /// The object is at another version than the write expects, or another manager owns a field of an apply.
        case conflict
        /// The version to go on from, or the page to go on with, is forgotten: list anew.
        case expired
        /// What is written breaks the object's rules; the causes name the fields.
        case invalid
        case unsupportedMediaType
        case tooManyRequests
        case internalError
        case serviceUnavailable
        case timeout
        case other(String)
    }

    public var reason: Reason
    /// The HTTP status, also where it came within an ERROR event of a watch.
    public var code: Int
    /// The server's words, or the beginning of an answer that is no Status.
    public var message: String
    public var causes: [Status.Cause]
    /// When the server wants to be asked again.
    public var retryAfter: Duration?

    public init(
        reason: Reason, code: Int, message: String = "", causes: [Status.Cause] = [], retryAfter: Duration? = nil
    ) {
        self.reason = reason
        self.code = code
        self.message = message
        self.causes = causes
        self.retryAfter = retryAfter
    }

    /// Reads the Status in an answer or an ERROR event.
    ///
    /// - Parameters:
    ///   - code: the HTTP status where the Status has none of its own.
    ///   - retryAfter: the header, which counts more than the details.
    public init(_ status: Status, code: Int, retryAfter: Duration? = nil) {
        let code = status.code ?? code
        self.init(
            reason: Reason(status.reason ?? "", code: code), code: code, message: status.message ?? "",
            causes: status.details?.causes ?? [],
            retryAfter: retryAfter ?? status.details?.retryAfterSeconds.map { .seconds(max(0, $0)) })
    }

    /// Reads an answer, which may be of a proxy and no Status at all.
    init(code: Int, body: [UInt8], retryAfter: Duration?) {
        if let status = try? JSONReader.decode(body).decode(Status.self), status.reason != nil || status.message != nil
        {
            self.init(status, code: code, retryAfter: retryAfter)
        } else {
            let text = String(decoding: body.prefix(300), as: UTF8.self)
            self.init(
                reason: Reason("", code: code), code: code,
                message: text.split(whereSeparator: \.isNewline).joined(separator: " "), retryAfter: retryAfter)
        }
    }
}

extension StatusError.Reason {
    /// - Parameter code: decides where the server names no reason that is known here.
    init(_ name: String, code: Int) {
        self =
            switch name {
            case "BadRequest": .badRequest
            case "Unauthorized": .unauthorized
            case "Forbidden": .forbidden
            case "NotFound": .notFound
            case "MethodNotAllowed": .methodNotAllowed
            case "AlreadyExists": .alreadyExists
            case "Conflict": .conflict
            case "Expired", "Gone": .expired
            case "Invalid": .invalid
            case "UnsupportedMediaType": .unsupportedMediaType
            case "TooManyRequests": .tooManyRequests
            case "InternalError": .internalError
            case "ServiceUnavailable": .serviceUnavailable
            case "Timeout", "ServerTimeout": .timeout
            default: Self(code: code) ?? .other(name)
            }
    }

    private init?(code: Int) {
        switch code {
        case 400: self = .badRequest
        case 401: self = .unauthorized
        case 403: self = .forbidden
        case 404: self = .notFound
        case 405: self = .methodNotAllowed
        case 409: self = .conflict
        case 410: self = .expired
        case 415: self = .unsupportedMediaType
        case 422: self = .invalid
        case 429: self = .tooManyRequests
        case 500: self = .internalError
        case 502, 503: self = .serviceUnavailable
        case 504: self = .timeout
        default: return nil
        }
    }
}

extension StatusError: CustomStringConvertible {
    public var description: String {
        let fields = causes.compactMap { cause in
            cause.message.map { message in cause.field.map { "\($0): \(message)" } ?? message }
        }
        let text = message.isEmpty ? "\(reason)" : message
        // The server's message of an invalid object names its causes already.
        let unnamed = fields.filter { !text.contains($0) }
        return unnamed.isEmpty ? "\(text) (\(code))" : "\(text) (\(code); \(unnamed.joined(separator: "; ")))"
    }
}
