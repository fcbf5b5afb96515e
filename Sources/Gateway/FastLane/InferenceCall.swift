import HTTPService
import NIOCore
import NIOHTTP1
import Wire

/// One request on an inference route, as its head describes it.
struct InferenceCall: Sendable {
    enum Endpoint: Equatable, Sendable {
        /// `POST /v1/encode/{model}` and its kin; the text is the undecoded model part of the path, which may be missing.
        case operation(WorkItem.Operation, model: Substring)
        /// `POST /v1/embeddings`.
        case embeddings

        /// Where a request target belongs; nil for every other route.
        init?(uri: String) {
            let path = uri.pathOfRequestTarget
            guard path.utf8.starts(with: "/v1/".utf8) else { return nil }
            if path.utf8.elementsEqual("/v1/embeddings".utf8) {
                self = .embeddings
                return
            }
            for operation in WorkItem.Operation.allCases {
                let rest = path.utf8.dropFirst(4)
                let name = operation.rawValue.utf8
                guard rest.starts(with: name) else { continue }
                let model = rest.dropFirst(name.count)
                guard model.first == UInt8(ascii: "/") else { return nil }
                self = .operation(operation, model: Substring(model.dropFirst()))
                return
            }
            return nil
        }

        var operation: WorkItem.Operation {
            switch self {
            case .operation(let operation, _): operation
            case .embeddings: .encode
            }
        }

        /// The `endpoint` label of request metrics.
        var label: String {
            switch self {
            case .operation(let operation, _): operation.rawValue
            case .embeddings: "embeddings"
            }
        }
    }

    let endpoint: Endpoint
    let head: RequestHead
    let selection: LaneSelection
    let sdk: SDKVersion?
    /// How long the caller would rather wait for capacity than be sent away; nil where it does not say.
    let wait: TimeAmount?
    /// What the caller's token allows; nil where the token has no name.
    let grant: TokenGrant?
    /// This gateway's span of the caller's trace; nil where the caller sends none.
    let trace: TraceContext?
    /// How the answer is worded. For OpenAI clients the encoding of numbers is only known from the body.
    let format: AnswerFormat
    let exchange: HTTPExchange
    let receivedAt: NIODeadline

    init(endpoint: Endpoint, request: FastLaneRequest, grant: TokenGrant?) {
        let head = request.head
        self.grant = grant
        self.endpoint = endpoint
        self.head = head
        selection = LaneSelection(
            machineProfileHeader: head.first("x-sie-machine-profile"),
            poolHeader: head.first("x-sie-pool"))
        sdk = head.first("x-sie-sdk-version").flatMap { SDKVersion(header: $0) }
        wait = head.first("x-sie-wait").flatMap { Double($0) }.flatMap { seconds in
            // A day is longer than anybody waits, and short enough for nanoseconds.
            seconds >= 0 ? .nanoseconds(Int64(min(seconds, 86_400) * 1e9)) : nil
        }
        trace = head.first("traceparent").flatMap(TraceContext.init(header:)).map { parent in
            var random = SystemRandomNumberGenerator()
            return parent.child(using: &random)
        }
        format = endpoint == .embeddings ? .openAI(.float) : AnswerFormat(accept: head.first("accept"))
        exchange = request.exchange
        receivedAt = request.receivedAt
    }
}

extension String {
    /// The path of a request target: all before the query.
    var pathOfRequestTarget: Substring {
        utf8.firstIndex(of: UInt8(ascii: "?")).map { self[..<$0] } ?? self[...]
    }
}
