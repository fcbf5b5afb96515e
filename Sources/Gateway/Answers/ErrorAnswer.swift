import JSONStream
import NIOCore
import NIOHTTP1

/// An error as the gateway says it, before it is put into the words of one API.
///
/// The body serves every client line: `error.code` and `error.message` for the Python SDKs, top-level `code` and
/// `message` for the TypeScript SDK and for the original gateway's own readers. It never holds a string `detail`, which
/// breaks the SDKs' pool calls.
package struct ErrorAnswer: Error, Equatable, Sendable {
    package var status: HTTPResponseStatus
    package var code: String
    package var message: String
    /// Whole seconds, at least 1. A zero would make newer clients retry in a busy loop.
    package var retryAfterSeconds: Int?
    /// Further members of the body that the contract names.
    package var members: [JSONMember] = []
    package var rejection: RejectionReason?
    package var requestID: String?
    /// The field of the body at fault, for OpenAI clients.
    package var parameter: String?

    package init(
        _ status: HTTPResponseStatus, code: String, message: String, retryAfterSeconds: Int? = nil,
        members: [JSONMember] = [], rejection: RejectionReason? = nil
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.retryAfterSeconds = retryAfterSeconds
        self.members = members
        self.rejection = rejection
    }

    package func answer(as format: AnswerFormat) -> Answer {
        var headers = Answer.versionHeaders
        headers.add(name: "content-type", value: "application/json")
        headers.add(name: "x-sie-error-code", value: code)
        if let retryAfterSeconds { headers.add(name: "retry-after", value: String(max(1, retryAfterSeconds))) }
        if let requestID { headers.add(name: "x-sie-request-id", value: requestID) }
        let body = if case .openAI = format { openAIBody } else { body }
        return Answer(
            status: status, headers: headers, body: ByteBuffer(bytes: JSONWriter.encode(body)), rejection: rejection)
    }

    private var body: JSONValue {
        let named = Set(members.map(\.key))
        var members = members
        if !named.contains("error") {
            members.append(
                JSONMember(
                    "error", .object([JSONMember("code", .string(code)), JSONMember("message", .string(message))]))
            )
        }
        for (key, value) in [("code", code), ("message", message)] where !named.contains(key) {
            members.append(JSONMember(key, .string(value)))
        }
        return .object(members)
    }

    private var openAIBody: JSONValue {
        let type =
            switch status.code {
            case 401: "authentication_error"
            case 400..<500: "invalid_request_error"
            default: "server_error"
            }
        return [
            "error": [
                "message": .string(message), "type": .string(type), "code": .string(openAICode),
                "param": parameter.map { .string($0) } ?? .null,
            ]
        ]
    }

    /// OpenAI's own word where there is one.
    private var openAICode: String { code == "MODEL_NOT_FOUND" ? "model_not_found" : code.lowercased() }
}
