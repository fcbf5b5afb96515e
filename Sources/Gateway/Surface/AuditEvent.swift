import HTTPService
import HTTPTypes
import Logging
import NIOHTTP1
import Observability

/// One line of the audit log: who did what, and how it ended (gateway contract 2.13). Holds no token, only its mask.
package struct AuditEvent: Equatable, Sendable {
    package enum Name: String, Sendable {
        /// Every request that got past authorization, but for probes and metrics.
        case apiRequest = "api_request"
        /// An inference request that was answered with results.
        case proxyRequest = "proxy_request"
    }

    package var name: Name
    package var method: String
    /// The path as it came; for `proxy_request` the operation.
    package var endpoint: String
    package var status: Int
    package var maskedToken: String
    /// The name of the caller's token, where it has one.
    package var tokenName: String?
    package var model: String
    package var pool: String
    package var machineProfile: String
    package var worker: String
    package var milliseconds: Int64
    package var bodyBytes: Int

    package init(
        name: Name, method: String, endpoint: String, status: Int, maskedToken: String, model: String, pool: String,
        machineProfile: String, worker: String, milliseconds: Int64, bodyBytes: Int
    ) {
        self.name = name
        self.method = method
        self.endpoint = endpoint
        self.status = status
        self.maskedToken = maskedToken
        self.model = model
        self.pool = pool
        self.machineProfile = machineProfile
        self.worker = worker
        self.milliseconds = milliseconds
        self.bodyBytes = bodyBytes
    }

    package var metadata: Logger.Metadata {
        var metadata: Logger.Metadata = [
            "event": "\(name.rawValue)", "method": "\(method)", "endpoint": "\(endpoint)", "status": "\(status)",
            "token_id": "\(maskedToken)", "model": "\(model)", "pool": "\(pool)", "gpu": "\(machineProfile)",
            "worker": "\(worker)", "latency_ms": "\(milliseconds)", "body_bytes": "\(bodyBytes)",
        ]
        if let tokenName { metadata["token_name"] = "\(tokenName)" }
        return metadata
    }
}

extension AuditEvent {
    /// The events of one answered inference request: one for the request, and one more for work that was done.
    package static func events(of call: AnsweredCall) -> [AuditEvent] {
        let headers = call.head.headers
        var request = AuditEvent(
            name: .apiRequest, method: call.head.method.rawValue,
            endpoint: String(call.head.uri.prefix { $0 != "?" }), status: call.status,
            maskedToken: LogRedaction.lastFour(BearerToken.token(in: headers.first(name: "authorization"))),
            model: headers.first(name: "x-sie-model") ?? "", pool: headers.first(name: "x-sie-pool") ?? "",
            machineProfile: headers.first(name: "x-sie-machine-profile") ?? "", worker: call.worker ?? "",
            milliseconds: call.duration.wholeMilliseconds,
            bodyBytes: headers.first(name: "content-length").flatMap { Int($0) } ?? 0)
        request.tokenName = call.tokenName
        guard call.status == 200 else { return [request] }
        var work = request
        work.name = .proxyRequest
        work.endpoint = call.endpoint
        work.model = call.model ?? ""
        work.pool = call.pool ?? ""
        work.machineProfile = call.machineProfile ?? ""
        if headers.first(name: "content-length") == nil { work.bodyBytes = -1 }
        return [request, work]
    }

    /// The event of a request on any other route; nil for probes and metrics, which are not audited.
    package init?(_ observed: ObservedRequest) {
        let headers = observed.request.headerFields
        let endpoint = String((observed.request.path ?? "").prefix { $0 != "?" })
        guard !Self.unaudited.contains(endpoint) else { return nil }
        func header(_ name: String) -> String { HTTPField.Name(name).flatMap { headers[$0] } ?? "" }
        self.init(
            name: .apiRequest, method: observed.request.method.rawValue, endpoint: endpoint,
            status: observed.response.status.code,
            maskedToken: LogRedaction.lastFour(BearerToken.token(in: headers[.authorization])),
            model: header("x-sie-model"), pool: header("x-sie-pool"), machineProfile: header("x-sie-machine-profile"),
            worker: "", milliseconds: observed.duration.wholeMilliseconds,
            bodyBytes: Int(header("content-length")) ?? 0)
    }

    private static let unaudited: Set = ["/health", "/healthz", "/readyz", "/metrics"]
}

extension Duration {
    fileprivate var wholeMilliseconds: Int64 {
        components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
    }
}
