/// An error that JetStream's API answered with.
public struct JetStreamAPIError: Error, Sendable, Hashable, Decodable {
    /// The HTTP-like code, e.g. 400, 404, 503.
    public var code: Int
    /// The exact error, e.g. ``streamNotFound``; 0 where the server sent none.
    public var errorCode: Int
    /// The server's words.
    public var message: String

    /// `consumer not found`
    public static let consumerNotFound = 10014
    /// `no message found`
    public static let messageNotFound = 10037
    /// `JetStream not enabled for account`
    public static let notEnabledForAccount = 10039
    /// `stream name already in use with a different configuration`
    public static let streamNameInUse = 10058
    /// `stream not found`
    public static let streamNotFound = 10059
    /// `wrong last sequence`
    public static let wrongLastSequence = 10071
    /// `filtered consumer not unique on workqueue stream`
    public static let consumerNotUnique = 10100

    /// An error by its parts.
    public init(code: Int, errorCode: Int, message: String) {
        self.code = code
        self.errorCode = errorCode
        self.message = message
    }

    private enum CodingKeys: String, CodingKey {
        case code
        case errorCode = "err_code"
        case message = "description"
    }

    /// Reads the `error` object of an API answer.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.code = try container.decodeIfPresent(Int.self, forKey: .code) ?? 0
        self.errorCode = try container.decodeIfPresent(Int.self, forKey: .errorCode) ?? 0
        self.message = try container.decodeIfPresent(String.self, forKey: .message) ?? ""
    }

    /// Whether the same call may succeed later (the server is starting, or short of resources).
    public var isRetryable: Bool { code == 503 || code == 429 }
}

extension JetStreamAPIError: CustomStringConvertible {
    /// The server's words and both codes.
    public var description: String { "JetStream: \(message) (code \(code), error \(errorCode))" }
}
