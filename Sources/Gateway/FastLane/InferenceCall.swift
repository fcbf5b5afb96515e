import HTTPService
import NIOCore
import Wire

/// One request on an inference route, as its head describes it. A class, because it is handed on many times.
final class InferenceCall: Sendable {
    let endpoint: InferenceEndpoint
    let head: RequestHead
    /// The request target as it came.
    let target: String
    let machineProfileHeader: String?
    let poolHeader: String?
    let sdkHeader: String?
    /// How long the caller would rather wait for capacity than be sent away; nil where it does not say.
    let wait: TimeAmount?
    /// What the caller's token allows; nil where the token has no name.
    let grant: TokenGrant?
    /// This gateway's span of the caller's trace; nil where the caller sends none.
    let trace: TraceContext?
    /// Whether the body is MessagePack; all else, and what does not say what it is, is JSON.
    let sendsMessagePack: Bool
    /// How the answer is worded. For OpenAI clients the encoding of numbers is only known from the body.
    let format: AnswerFormat
    let exchange: HTTPExchange
    let receivedAt: NIODeadline

    init(endpoint: InferenceEndpoint, request: FastLaneRequest, grant: TokenGrant?) {
        let head = request.head
        let fields = InferenceFields(head)
        self.grant = grant
        self.endpoint = endpoint
        self.head = head
        target = head.uri
        machineProfileHeader = fields.machineProfile
        poolHeader = fields.pool
        sdkHeader = fields.sdkVersion
        wait = fields.wait.flatMap { Double($0) }.flatMap { seconds in
            // A day is longer than anybody waits, and short enough for nanoseconds.
            seconds >= 0 ? .nanoseconds(Int64(min(seconds, 86_400) * 1e9)) : nil
        }
        trace = fields.traceParent.flatMap(TraceContext.init(header:)).map { parent in
            var random = SystemRandomNumberGenerator()
            return parent.child(using: &random)
        }
        sendsMessagePack = fields.sendsMessagePack ?? false
        format = endpoint == .embeddings ? .openAI(.float) : fields.accepts ?? .json
        exchange = request.exchange
        receivedAt = request.receivedAt
    }

    /// What the headers ask for beside the model.
    var selection: LaneSelection {
        LaneSelection(machineProfileHeader: machineProfileHeader, poolHeader: poolHeader)
    }

    var sdk: SDKVersion? { sdkHeader.flatMap { SDKVersion(header: $0) } }

    /// The model that is named in the path, or else in the body.
    func modelPath(_ body: InferenceBody) throws(ModelPath.Rejection) -> ModelPath {
        switch endpoint {
        case .operation(_, let range):
            let utf8 = target.utf8
            let start = utf8.index(utf8.startIndex, offsetBy: range.lowerBound)
            return try ModelPath(raw: target[start..<utf8.index(start, offsetBy: range.count)])
        case .embeddings:
            return try ModelPath(decoded: body.model ?? "")
        }
    }
}
