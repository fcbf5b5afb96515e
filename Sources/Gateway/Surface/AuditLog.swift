import HTTPService
import Logging

/// Writes audit events, one line each.
package struct AuditLog: Sendable {
    private let logger: Logger

    package init(logger: Logger = Logger(label: "sie.audit")) {
        self.logger = logger
    }

    private var isOn: Bool { logger.logLevel <= .info }

    /// Who is to be told of answered inference requests; nil where nothing would be written.
    package var observer: (@Sendable (AnsweredCall) -> Void)? {
        guard isOn else { return nil }
        return { call in record(call) }
    }

    /// Notes an answered inference request.
    package func record(_ call: AnsweredCall) {
        guard isOn else { return }
        for event in AuditEvent.events(of: call) { record(event) }
    }

    /// Notes an answered request on any other route.
    package func record(_ observed: ObservedRequest) {
        guard isOn, let event = AuditEvent(observed) else { return }
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
