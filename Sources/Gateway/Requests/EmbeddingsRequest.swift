import JSONStream
import MessagePack
import NIOCore
import Wire

/// The body of `POST /v1/embeddings`: OpenAI's shape in front of an encode request.
package struct EmbeddingsRequest: Equatable, Sendable {
    package var model: String
    package var encoding: AnswerFormat.OpenAIEncoding
    /// The same work as an encode request for dense vectors.
    package var request: InferenceRequest
    /// An estimate, a token for every four characters and at least one: counting exactly would take the tokenizer.
    package var promptTokens: Int
    /// The width that the caller wants; nil for the model's own.
    package var dimensions: Int?

    /// Why a body is no embeddings request; `parameter` names the field at fault.
    package struct Rejection: Error, Equatable, Sendable {
        package var message: String
        package var parameter: String?
        /// The model, where the body names one all the same.
        package var model: String?
    }

    package init(_ body: ByteBuffer, maximumItems: Int) throws(Rejection) {
        let json: JSONValue
        do throws(RequestBodyError) {
            json = try RequestParser.json(body)
        } catch {
            throw Rejection(message: error.message)
        }
        guard json.objectValue != nil else { throw Rejection(message: RequestBodyError.notJSONObject.message) }
        guard let model = json["model"]?.stringValue, !model.isEmpty else {
            throw Rejection(message: "'model' must be a non-empty string", parameter: "model")
        }
        do throws(Rejection) {
            try self.init(json, model: model, maximumItems: maximumItems)
        } catch {
            var rejection = error
            rejection.model = model
            throw rejection
        }
    }

    private init(_ json: JSONValue, model: String, maximumItems: Int) throws(Rejection) {
        self.model = model
        switch json["encoding_format"] {
        case nil, .null: encoding = .float
        case .string(let name):
            guard let known = AnswerFormat.OpenAIEncoding(rawValue: name) else {
                throw Rejection(
                    message: "'encoding_format' must be 'float' or 'base64'", parameter: "encoding_format")
            }
            encoding = known
        default:
            throw Rejection(message: "'encoding_format' must be a string", parameter: "encoding_format")
        }
        switch json["dimensions"] {
        case nil, .null: dimensions = nil
        case let value?:
            guard let number = value.intValue, number > 0 else {
                throw Rejection(message: "'dimensions' must be a whole number above 0", parameter: "dimensions")
            }
            dimensions = number
        }
        let texts = try Self.texts(json["input"])
        guard texts.count <= maximumItems else {
            let error = RequestBodyError.tooManyItems(texts.count, maximum: maximumItems)
            throw Rejection(message: error.message, parameter: "input")
        }
        request = Self.encodeRequest(for: texts)
        promptTokens = texts.reduce(0) { $0 + max(1, $1.unicodeScalars.count / 4) }
    }

    private static func texts(_ input: JSONValue?) throws(Rejection) -> [String] {
        func rejection(_ message: String) -> Rejection { Rejection(message: message, parameter: "input") }
        switch input {
        case .string(let text):
            guard !text.isEmpty else { throw rejection("'input' must not be empty") }
            return [text]
        case .array(let elements):
            guard !elements.isEmpty else { throw rejection("'input' must not be empty") }
            var texts: [String] = []
            texts.reserveCapacity(elements.count)
            for element in elements {
                switch element {
                case .string(let text):
                    guard !text.isEmpty else { throw rejection("'input' must not contain an empty string") }
                    texts.append(text)
                case .int, .uint, .array:
                    throw rejection("'input' holds token ids; this gateway has no tokenizer, send text instead")
                default:
                    throw rejection("'input' must be a string or a list of strings")
                }
            }
            return texts
        default:
            throw rejection("'input' must be a string or a list of strings")
        }
    }

    private static func encodeRequest(for texts: [String]) -> InferenceRequest {
        var writer = MessagePackWriter(capacity: texts.reduce(0) { $0 + $1.utf8.count + 16 })
        var items: [Range<Int>] = []
        items.reserveCapacity(texts.count)
        for text in texts {
            let start = writer.count
            writer.writeMapHeader(1)
            writer.write("text" as StaticString)
            writer.write(text)
            items.append(start..<writer.count)
        }
        var request = InferenceRequest(operation: .encode, bytes: ByteBuffer(bytes: writer.bytes), items: items)
        request.parameters.outputTypes = ["dense"]
        return request
    }
}
