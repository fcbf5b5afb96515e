import HTTPService
import Logging

/// Writes audit events, one line each.
package struct AuditLog: Sendable {
    private let logger: Logger

    package init(logger: Logger = Logger(label: "sie.audit")) {
        self.logger = logger
    }

    /// Notes an answered inference request.
    package func record(_ call: AnsweredCall) {
        guard logger.logLevel <= .info else { return }
        for event in AuditEvent.events(of: call) { record(event) }
    }

    /// Notes an answered request on any other route.
    package func record(_ observed: ObservedRequest) {
        guard logger.logLevel <= .info, let event = AuditEvent(observed) else { return }
        record(event)
    }

    /// Notes what happened to a pool.
    package func record(_ event: String, pool: String, status: Int) {
        logger.info("audit", metadata: ["event": "\(event)", "pool": "\(pool)", "status": "\(status)"])
    }

    private func record(_ event: AuditEvent) {
        logger.info("audit", metadata: event.metadata)
    }
}
