import Catalog
import JSONStream
import NIOCore
import NIOHTTP1
import Wire

extension ErrorAnswer {
    /// How long a caller is told to wait for capacity.
    package static let provisioningRetrySeconds = 120
    /// How long the gateway guesses that provisioning takes.
    package static let provisioningEstimateSeconds = 180

    package init(_ rejection: ModelPath.Rejection) {
        self.init(
            .badRequest, code: "INVALID_INPUT", message: rejection.message,
            rejection: rejection == .empty ? .modelRequired : nil)
    }

    /// Vectors of another width than the model makes.
    static func unsupportedDimensions(_ dimensions: Int, _ model: ModelConfig) -> ErrorAnswer {
        let widths = ((model.dimensions["dense"].map { [$0] } ?? []) + model.matryoshkaDimensions).map { "\($0)" }
        let choice = widths.isEmpty ? "it must be left out" : "use \(widths.joined(separator: ", "))"
        var error = ErrorAnswer(
            .badRequest, code: "INVALID_INPUT",
            message: "Model '\(model.id)' makes no embeddings with 'dimensions' \(dimensions): \(choice)")
        error.parameter = "dimensions"
        return error
    }

    package init(_ refusal: RouteRefusal) {
        switch refusal {
        case .invalidModel(let rejection):
            self.init(rejection)
        case .modelWithoutBundle(let model):
            self.init(.notFound, code: "MODEL_NOT_FOUND", message: "Model not found: \(model)")
        case .unknownModel(let model):
            self.init(.notFound, code: "MODEL_NOT_FOUND", message: "Unknown model '\(model)'")
        case .incompatibleBundle(let bundle, let model, let compatible):
            let list = compatible.map { "\"\($0)\"" }.joined(separator: ", ")
            self.init(
                .conflict, code: "INCOMPATIBLE_BUNDLE",
                message: "Bundle '\(bundle)' does not support model '\(model)'. Compatible bundles: [\(list)]",
                members: [JSONMember("compatible_bundles", .array(compatible.map { .string($0) }))])
        case .unsupportedOperation(let operation, let model):
            self.init(
                .badRequest, code: "INVALID_INPUT",
                message: "Model '\(model)' does not support \(operation.rawValue)")
        case .machineProfileNotConfigured(let profile, let configured):
            self.init(
                .serviceUnavailable, code: "GPU_NOT_CONFIGURED",
                message: "GPU type '\(profile)' is not configured in this cluster.",
                members: [
                    JSONMember("status", "gpu_not_configured"), JSONMember("gpu", .string(profile)),
                    JSONMember("configured_gpu_types", .array(configured.map { .string($0) })),
                ], rejection: .gpuNotConfigured)
        case .invalidPool(let pool):
            self.init(
                .badRequest, code: "INVALID_INPUT",
                message: "Invalid pool name '\(pool)': 1 to 63 letters, digits, '_' or '-' are allowed")
        case .provisioning(let profile, let bundle, _):
            let missing = profile.isEmpty ? "bundle '\(bundle)'" : "GPU type '\(profile)'"
            self.init(
                .serviceUnavailable, code: "PROVISIONING",
                message: "No worker available for \(missing). Provisioning in progress.",
                retryAfterSeconds: Self.provisioningRetrySeconds,
                members: [
                    JSONMember("status", "provisioning"), JSONMember("gpu", .string(profile)),
                    JSONMember("bundle", .string(bundle)),
                    JSONMember("estimated_wait_s", .int(Int64(Self.provisioningEstimateSeconds))),
                ])
        }
    }

    package init(_ refusal: PublishRefusal) {
        self.init(
            .serviceUnavailable, code: refusal.code, message: refusal.message,
            retryAfterSeconds: refusal.retryAfterSeconds, rejection: refusal.rejectionReason)
    }

    package init(_ error: RequestBodyError) {
        self.init(.badRequest, code: "INVALID_INPUT", message: error.message, rejection: error.rejectionReason)
    }

    package init(_ rejection: EmbeddingsRequest.Rejection) {
        self.init(.badRequest, code: "INVALID_INPUT", message: rejection.message, rejection: .bodyParseError)
        parameter = rejection.parameter
    }

    /// The model answers, but not with embeddings.
    package static func noDenseVector(model: String) -> ErrorAnswer {
        ErrorAnswer(
            .badRequest, code: "INVALID_INPUT", message: "Model '\(model)' makes no dense float32 embeddings")
    }

    /// The body is larger than `limit` bytes.
    package static func bodyTooLarge(limit: Int) -> ErrorAnswer {
        ErrorAnswer(
            .payloadTooLarge, code: "PAYLOAD_TOO_LARGE", message: "Request body too large (max \(limit) bytes)",
            rejection: .bodyTooLarge)
    }

    /// No complete result arrived in time. The likeliest reason is a worker that still loads the model.
    package static func resultTimeout(model: String, seconds: Double) -> ErrorAnswer {
        let shown = seconds == seconds.rounded() ? String(Int(seconds)) : String(seconds)
        return ErrorAnswer(
            .serviceUnavailable, code: "MODEL_LOADING",
            message: "Model '\(model)' did not respond within \(shown)s; "
                + "worker may be loading the model on demand. Please retry.",
            retryAfterSeconds: 5, rejection: .upstreamTimeoutModelLoading)
    }

    /// The caller's token has used up what it may in this second.
    package static func rateLimited(name: String, wait: TimeAmount) -> ErrorAnswer {
        ErrorAnswer(
            .tooManyRequests, code: "RATE_LIMITED", message: "Rate limit of token '\(name)' exceeded",
            retryAfterSeconds: Int((Double(wait.nanoseconds) / 1e9).rounded(.up)))
    }

    /// The caller's token does not go for this pool.
    package static func poolForbidden(_ pool: String, name: String) -> ErrorAnswer {
        ErrorAnswer(
            .forbidden, code: "FORBIDDEN", message: "Token '\(name)' may not use pool '\(pool)'")
    }

    /// The gateway stops before the results came.
    package static let resultChannelClosed = ErrorAnswer(
        .gatewayTimeout, code: "RESULT_CHANNEL_CLOSED", message: "Result channel closed",
        rejection: .resultChannelClosed)

    /// The answer to capacity that is not there yet, in the form a client of this version waits on: 202 for the 0.3
    /// line and for callers that name no SDK, 503 for newer SDKs and for OpenAI clients, which take a 202 for success.
    package func provisioningAnswer(sdk: SDKVersion?, as format: AnswerFormat) -> Answer {
        if case .openAI = format { return answer(as: format) }
        guard sdk?.waitsOnServiceUnavailable != true else { return answer(as: format) }
        var headers = Answer.versionHeaders
        headers.add(name: "content-type", value: "application/json")
        headers.add(name: "retry-after", value: String(Self.provisioningRetrySeconds))
        let body = JSONValue.object(members + [JSONMember("message", .string(message))])
        return Answer(status: .accepted, headers: headers, body: .init(bytes: JSONWriter.encode(body)))
    }
}
