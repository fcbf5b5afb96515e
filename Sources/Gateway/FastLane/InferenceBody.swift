import NIOCore
import Wire

/// What the body of a call says.
///
/// An error in it is kept, not thrown: where a model is unknown or its workers are missing, that is the answer, whatever
/// the body.
struct InferenceBody: Sendable {
    let request: Result<InferenceRequest, ErrorAnswer>
    /// The model, where the body names it and not the path.
    var model: String?
    var numbers = Numbers()

    /// What the answer needs of its request; all but one for OpenAI clients.
    struct Numbers: Sendable {
        var encoding = AnswerFormat.OpenAIEncoding.float
        /// The width that an OpenAI client wants; nil for the model's own.
        var dimensions: Int?
        /// For the answer's `usage`.
        var promptTokens = 0
        /// What is to be scored; nil where nothing is.
        var candidates: ScoreCandidates?
    }

    init(_ body: ByteBuffer, of call: InferenceCall, parser: RequestParser) {
        switch call.endpoint {
        case .operation(let operation, _):
            do throws(RequestBodyError) {
                let parsed = try parser.parse(
                    body, isMessagePack: call.sendsMessagePack, operation: operation)
                request = .success(parsed)
                if operation == .score { numbers.candidates = ScoreCandidates(of: parsed) }
            } catch {
                request = .failure(ErrorAnswer(error))
            }
        case .embeddings:
            do throws(EmbeddingsRequest.Rejection) {
                let embeddings = try EmbeddingsRequest(body, maximumItems: parser.scanner.maximumItems)
                request = .success(embeddings.request)
                model = embeddings.model
                numbers = Numbers(
                    encoding: embeddings.encoding, dimensions: embeddings.dimensions,
                    promptTokens: embeddings.promptTokens)
            } catch {
                request = .failure(ErrorAnswer(error))
                model = error.model
            }
        }
    }
}
