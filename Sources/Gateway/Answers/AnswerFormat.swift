/// In which words a request is answered.
package enum AnswerFormat: Equatable, Sendable {
    case json
    case messagePack
    /// `/v1/embeddings`: OpenAI's success and error bodies.
    case openAI(OpenAIEncoding)

    /// How an OpenAI client wants its numbers.
    package enum OpenAIEncoding: String, Equatable, Sendable {
        case float
        case base64
    }

    /// What an `Accept` header asks for: MessagePack where it is named, else JSON. Errors are always JSON.
    package init(accept: String?) {
        var accept = accept ?? ""
        self = accept.withUTF8 { AnswerFormat(accept: UnsafeRawBufferPointer($0)) }
    }

    /// The same, from the bytes of the header.
    package init(accept: UnsafeRawBufferPointer) {
        let namesMessagePack =
            accept.containsIgnoringASCIICase("application/msgpack")
            || accept.containsIgnoringASCIICase("application/x-msgpack")
            || accept.containsIgnoringASCIICase("application/vnd.msgpack")
        self = namesMessagePack ? .messagePack : .json
    }
}
