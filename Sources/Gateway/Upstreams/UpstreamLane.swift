import HTTPService
import NIOCore
import NIOHTTP1

/// `POST /v1/responses` and `POST /v1/chat/completions`, which upstreams answer; in front of the router, so that streams
/// pass without being held.
package struct UpstreamLane: FastLane {
    private let table: UpstreamTable
    private let forwarder: UpstreamForwarder
    private let authorize: InferenceLane.Authorize
    private let identify: InferenceLane.Identify
    private let limits: RateLimits
    private let isLocal: @Sendable (String) -> Bool
    private let observe: InferenceLane.Observe?

    /// - Parameters:
    ///   - authorize: decides who may come in.
    ///   - identify: says what the caller may do.
    ///   - limits: what named tokens may ask for, here and of this cluster together. A request is one item here.
    ///   - isLocal: whether this cluster serves a model of that name itself.
    ///   - observe: told of every forwarded answer.
    package init(
        table: UpstreamTable, forwarder: UpstreamForwarder, authorize: @escaping InferenceLane.Authorize,
        identify: @escaping InferenceLane.Identify, limits: RateLimits,
        isLocal: @escaping @Sendable (String) -> Bool, observe: InferenceLane.Observe?
    ) {
        self.table = table
        self.forwarder = forwarder
        self.authorize = authorize
        self.identify = identify
        self.limits = limits
        self.isLocal = isLocal
        self.observe = observe
    }

    private static func capability(of head: RequestHead) -> Upstream.Capability? {
        switch head.uri.pathOfRequestTarget {
        case "/v1/responses": .responses
        case "/v1/chat/completions": .chat
        default: nil
        }
    }

    package func admit(_ head: RequestHead) -> FastLaneAdmission {
        guard Self.capability(of: head) != nil else { return .pass }
        if let refusal = authorize(head) {
            guard refusal.status == .unauthorized else { return .refuse(refusal) }
            return .refuse(Self.reply(.init(.unauthorized, code: "invalid_api_key", message: "no or a wrong token")))
        }
        guard head.method == .POST else {
            return .refuse(HTTPReply(status: .methodNotAllowed, headers: ["allow": "POST"]))
        }
        guard !table.isEmpty else {
            return .refuse(
                Self.reply(
                    .init(
                        .notFound, code: "responses_not_configured", message: "no upstream is configured for this route"
                    )))
        }
        return .take(bodyLimitBytes: table.maximumRequestBytes)
    }

    package func handle(_ request: FastLaneRequest) {
        guard let capability = Self.capability(of: request.head) else {
            return request.exchange.respond(HTTPReply(status: .notFound))
        }
        forward(request, capability: capability, isLocal: isLocal)
    }

    package func replyToOversizedBody(of head: RequestHead, limitBytes: Int) -> HTTPReply? {
        Self.reply(.requestTooLarge(limit: limitBytes))
    }

    /// What to do with an embeddings request for a model of an upstream; nil for other models.
    package func embeddings(_ request: FastLaneRequest, model: String) -> (@Sendable () -> Void)? {
        guard let entry = table[model], entry.model.capabilities.contains(.embeddings) else { return nil }
        return { forward(request, capability: .embeddings, isLocal: { _ in false }) }
    }

    private func forward(_ request: FastLaneRequest, capability: Upstream.Capability, isLocal: (String) -> Bool) {
        let call: UpstreamCall
        do throws(ErrorAnswer) {
            call = try UpstreamCall(
                request.body, headers: request.head.headers, capability: capability, table: table, isLocal: isLocal)
        } catch {
            return request.exchange.respond(Self.reply(error))
        }
        if let grant = identify(request.head), let refusal = limits.refusal(of: grant, items: 1) {
            return request.exchange.respond(Self.reply(refusal))
        }
        let (head, receivedAt) = (request.head, request.receivedAt)
        forwarder.forward(call, exchange: request.exchange, receivedAt: receivedAt) { [observe] status in
            observe?(
                AnsweredCall(
                    endpoint: capability.rawValue, head: head, status: status, model: call.entry.model.id,
                    duration: .nanoseconds((NIODeadline.now() - receivedAt).nanoseconds)))
        }
    }

    private static func reply(_ error: ErrorAnswer) -> HTTPReply { HTTPReply(error.answer(as: .openAI(.float))) }
}

/// The two fast lanes of a gateway beside each other.
package struct GatewayLane: FastLane {
    private let upstreams: UpstreamLane
    private let inference: InferenceLane

    package init(upstreams: UpstreamLane, inference: InferenceLane) {
        self.upstreams = upstreams
        self.inference = inference
    }

    package func admit(_ head: RequestHead) -> FastLaneAdmission {
        let admission = inference.admit(head)
        if case .pass = admission { return upstreams.admit(head) }
        return admission
    }

    package func handle(_ request: FastLaneRequest) {
        if InferenceEndpoint(request.head) != nil {
            inference.handle(request)
        } else {
            upstreams.handle(request)
        }
    }

    package func replyToOversizedBody(of head: RequestHead, limitBytes: Int) -> HTTPReply? {
        InferenceEndpoint(head) != nil
            ? inference.replyToOversizedBody(of: head, limitBytes: limitBytes)
            : upstreams.replyToOversizedBody(of: head, limitBytes: limitBytes)
    }
}
