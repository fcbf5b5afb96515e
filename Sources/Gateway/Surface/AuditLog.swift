import Logging
import NIOHTTP1
import Observability

/// One line for every answered inference request: who asked what of which model, and how it ended (gateway contract
/// 2.13). Tokens appear masked.
package struct AuditLog: Sendable {
    private let logger = Logger(label: "sie.audit")

    package init() {}

    package func record(_ call: AnsweredCall) {
        guard logger.logLevel <= .info else { return }
        let headers = call.head.headers
        let milliseconds =
            call.duration.components.seconds * 1000
            + call.duration.components.attoseconds / 1_000_000_000_000_000
        logger.info(
            "audit",
            metadata: [
                "event": "api_request", "method": "\(call.head.method.rawValue)",
                "endpoint": "\(call.head.uri.prefix { $0 != "?" })", "status": "\(call.status)",
                "token_id": "\(LogRedaction.lastFour(headers.first(name: "authorization").flatMap(Self.token)))",
                "pool": "\(call.pool ?? headers.first(name: "x-sie-pool") ?? "")",
                "gpu": "\(call.machineProfile ?? headers.first(name: "x-sie-machine-profile") ?? "")",
                "worker": "\(call.worker ?? "")", "latency_ms": "\(milliseconds)",
                "body_bytes": "\(headers.first(name: "content-length") ?? "0")",
            ])
    }

    private static func token(_ header: String) -> String? {
        header.split(separator: " ").last.map(String.init)
    }
}
