import HTTPService
import NIOCore
import NIOHTTP1
import Observability
import Wire

/// What a request is answered with, and what is noted of it. On the event loop of its connection.
extension InferenceLane {
    func finish(
        _ call: InferenceCall, _ numbers: InferenceBody.Numbers, _ answer: QueueAnswer, id: String, served: ServedRoute
    ) {
        let (model, route, series) = (served.model, served.route, served.series)
        var error: ErrorAnswer
        switch answer {
        case .results(let results, let timing):
            let results = ItemResults(results, of: call.endpoint.operation, candidates: numbers.candidates)
            if results.allFailed {
                error = ErrorAnswer(allFailed: results.failures)
            } else {
                let success = SuccessAnswer(model: model, requestID: id, results: results, timing: timing)
                if call.endpoint != .embeddings {
                    let isMessagePack = call.format == .messagePack
                    let body = success.body(operation: call.endpoint.operation, messagePack: isMessagePack)
                    return respond(
                        call, success, body: body,
                        contentType: isMessagePack ? "application/x-msgpack" : "application/json", served: served)
                }
                // OpenAI's shape has no place for an item that failed: then the whole request failed.
                if results.failures.isEmpty {
                    let embeddings = EmbeddingsAnswer(
                        success: success, encoding: numbers.encoding, promptTokens: numbers.promptTokens,
                        dimensions: numbers.dimensions)
                    if let body = embeddings.body() {
                        return respond(call, success, body: [body], contentType: "application/json", served: served)
                    }
                    error = .noDenseVector(model: model)
                } else {
                    error = ErrorAnswer(allFailed: results.failures)
                }
            }
        case .refused(let refusal):
            error = ErrorAnswer(refusal)
        case .timedOut:
            error = .resultTimeout(model: model, seconds: configuration.requestTimeoutSeconds)
        case .closed:
            error = .resultChannelClosed
        }
        error.requestID = id
        respond(
            call, error.answer(as: call.format), machineProfile: series.machineProfile, route: route, series: series)
    }

    func refuse(_ call: InferenceCall, _ error: ErrorAnswer, route: Route?) {
        respond(
            call, error.answer(as: call.format), machineProfile: demand.label(route?.machineProfile ?? ""),
            route: route)
    }

    /// Answers with results.
    private func respond(
        _ call: InferenceCall, _ success: SuccessAnswer, body: [[UInt8]], contentType: StaticString,
        served: ServedRoute
    ) {
        let time = NIODeadline.now() - call.receivedAt
        served.series.succeeded.increment()
        served.series.latency.observe(time)
        call.exchange.respond(.ok, body: body) { fields in
            success.writeFields(contentType: contentType, to: &fields)
            if let trace = call.trace { fields.add("traceparent", trace.header) }
        }
        observe?(
            call.answered(200, .nanoseconds(time.nanoseconds), route: served.route, worker: success.worker))
    }

    /// Answers without results.
    ///
    /// - Parameter series: those of the call's endpoint and machine profile, where they have been looked up.
    func respond(
        _ call: InferenceCall, _ answer: Answer, machineProfile: String, route: Route? = nil,
        series: AnswerSeries? = nil
    ) {
        let profile = machineProfile.isEmpty ? AnswerSeries.unknownProfile : machineProfile
        if let rejection = answer.rejection {
            metrics.rejectedRequests.with(profile, route?.bundle ?? "", rejection.rawValue).increment()
        }
        let duration = Duration.nanoseconds((NIODeadline.now() - call.receivedAt).nanoseconds)
        count(call.endpoint, status: answer.status, machineProfile: profile)
        (series?.latency ?? metrics.latency.with(call.endpoint.label, profile)).observe(duration)
        var reply = HTTPReply(answer)
        if let trace = call.trace { reply.headers.add(name: "traceparent", value: trace.header) }
        call.exchange.respond(reply)
        observe?(
            call.answered(
                Int(answer.status.code), duration, route: route, worker: answer.headers.first(name: "x-sie-worker")))
    }

    func count(
        _ endpoint: InferenceEndpoint, status: HTTPResponseStatus,
        machineProfile: String = AnswerSeries.unknownProfile
    ) {
        metrics.requests.with(endpoint.label, InferenceMetrics.label(status: Int(status.code)), machineProfile)
            .increment()
    }
}

extension InferenceCall {
    fileprivate func answered(_ status: Int, _ duration: Duration, route: Route?, worker: String?) -> AnsweredCall {
        AnsweredCall(
            endpoint: endpoint.label, head: head, status: status, tokenName: grant?.name, model: route?.modelID,
            worker: worker, pool: route?.pool, machineProfile: route?.machineProfile, duration: duration)
    }
}

extension HTTPReply {
    init(_ answer: Answer) {
        self.init(status: answer.status, headers: answer.headers, body: answer.body)
    }
}
