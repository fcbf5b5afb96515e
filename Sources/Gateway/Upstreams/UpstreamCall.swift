import JSONStream
import NIOCore
import NIOHTTP1

/// A request as an upstream gets it: the caller's, but for the model's name and for what could let callers see each
/// other's answers.
package struct UpstreamCall: Sendable {
    package var entry: UpstreamTable.Entry
    package var capability: Upstream.Capability
    package var body: [UInt8]
    /// Whether the caller asks for a stream of events.
    package var isStream: Bool
    package var headers: HTTPHeaders

    /// Headers of callers that are passed on. Their credentials never are.
    private static let forwardedHeaders = ["content-type", "accept", "traceparent", "x-request-id"]

    /// - Throws: `ErrorAnswer` for a body that is no request for a model of `table`.
    package init(
        _ body: ByteBuffer, headers given: HTTPHeaders, capability: Upstream.Capability, table: UpstreamTable,
        isLocal: (String) -> Bool
    ) throws(ErrorAnswer) {
        let document: JSONValue
        do {
            document = try body.withUnsafeReadableBytes { try JSONReader.decode($0) }
        } catch {
            throw ErrorAnswer(.badRequest, code: "invalid_json", message: "the body is no JSON: \(error)")
        }
        guard case .object(var members) = document, let model = document["model"]?.stringValue, !model.isEmpty else {
            var refusal = ErrorAnswer(.badRequest, code: "missing_model", message: "'model' must be a non-empty string")
            refusal.parameter = "model"
            throw refusal
        }
        guard let entry = table[model], entry.model.capabilities.contains(capability) else {
            guard table[model] == nil, !isLocal(model) else {
                throw ErrorAnswer(
                    .badRequest, code: "model_capability_mismatch",
                    message: "model '\(model)' does not serve /v1/\(capability.path)")
            }
            throw ErrorAnswer(.notFound, code: "model_not_found", message: "unknown model '\(model)'")
        }
        guard body.readableBytes <= entry.upstream.maximumRequestBytes else {
            throw .requestTooLarge(limit: entry.upstream.maximumRequestBytes)
        }
        self.entry = entry
        self.capability = capability
        isStream = document["stream"]?.boolValue ?? false
        if !entry.upstream.allowsStateful {
            for key in ["previous_response_id", "conversation"] where document[key].map(\.isNull) == false {
                var refusal = ErrorAnswer(
                    .badRequest, code: "unsupported_parameter",
                    message: "'\(key)' is not supported: nothing is stored between requests")
                refusal.parameter = key
                throw refusal
            }
        }
        var isChanged = false
        if entry.model.upstream != model {
            Self.set("model", .string(entry.model.upstream), in: &members)
            isChanged = true
        }
        if capability == .responses, !entry.upstream.allowsStateful, document["store"]?.boolValue != false {
            Self.set("store", false, in: &members)
            isChanged = true
        }
        self.body = isChanged ? JSONWriter.encode(.object(members)) : Array(body.readableBytesView)
        headers = [:]
        for name in Self.forwardedHeaders {
            if let value = given.first(name: name) { headers.add(name: name, value: value) }
        }
        if !headers.contains(name: "content-type") { headers.add(name: "content-type", value: "application/json") }
    }

    private static func set(_ key: String, _ value: JSONValue, in members: inout [JSONMember]) {
        members.removeAll { $0.key == key }
        members.append(JSONMember(key, value))
    }

    package var url: String { entry.upstream.url(of: entry.model, for: capability) }

    /// The headers of an upstream's answer that callers get.
    package static func returned(_ headers: HTTPHeaders) -> HTTPHeaders {
        var kept: HTTPHeaders = [:]
        for (name, value) in headers {
            let name = name.lowercased()
            if name == "content-type" || name == "retry-after" || name.hasPrefix("x-ratelimit-") {
                kept.add(name: name, value: value)
            } else if name == "x-request-id" || name == "apim-request-id" {
                kept.replaceOrAdd(name: "x-upstream-request-id", value: value)
            }
        }
        return kept
    }
}

extension ErrorAnswer {
    static func requestTooLarge(limit: Int) -> ErrorAnswer {
        ErrorAnswer(
            .payloadTooLarge, code: "request_too_large", message: "the request body is larger than \(limit) bytes")
    }
}
