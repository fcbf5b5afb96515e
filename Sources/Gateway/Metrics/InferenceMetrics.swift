import Observability

/// The metric families of the inference path. Names, labels and buckets are the contract's; autoscaler queries and
/// dashboards match them exactly.
package final class InferenceMetrics: Sendable {
    package let requests: MetricFamily<Counter>
    package let latency: MetricFamily<Histogram>
    package let provisioningResponses: MetricFamily<Counter>
    package let pendingDemand: MetricFamily<Gauge>
    package let rejectedRequests: MetricFamily<Counter>
    package let publishSeconds: MetricFamily<Histogram>
    package let itemsPublished: MetricFamily<Histogram>
    package let resultWaitSeconds: MetricFamily<Histogram>
    package let inboxSkips: Counter
    package let ackFailures: Counter
    package let payloadOffloads: Counter
    package let batchesPublished: Counter
    package let requestsCoalesced: Counter
    package let itemsReissued: Counter
    package let natsConnected: Gauge

    package init(registry: MetricsRegistry) {
        requests = registry.counter(
            "sie_gateway_requests_total", help: "Answers on the inference routes.",
            labels: ["endpoint", "status", "machine_profile"])
        latency = registry.histogram(
            "sie_gateway_request_latency_seconds", help: "Time from request to answer on the inference routes.",
            labels: ["endpoint", "machine_profile"],
            bounds: [
                0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30, 60,
            ])
        provisioningResponses = registry.counter(
            "sie_gateway_provisioning_responses_total", help: "Requests told to come back when capacity is there.",
            labels: ["machine_profile"])
        pendingDemand = registry.gauge(
            "sie_gateway_pending_demand", help: "1 where a machine profile was asked for and is missing.",
            labels: ["machine_profile", "bundle"])
        rejectedRequests = registry.counter(
            "sie_gateway_rejected_requests_total", help: "Requests refused, by reason.",
            labels: ["machine_profile", "bundle", "reason"])
        publishSeconds = registry.histogram(
            "sie_gateway_queue_publish_seconds", help: "Time to put a request's work items on the queue.",
            labels: ["operation"], bounds: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1])
        itemsPublished = registry.histogram(
            "sie_gateway_queue_items_published", help: "Work items of one request.", labels: ["operation"],
            bounds: (0..<16).map { Double(1 + 4 * $0) })
        resultWaitSeconds = registry.histogram(
            "sie_gateway_queue_result_wait_seconds", help: "Time from publishing to the last result.",
            labels: ["operation"], bounds: [0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30])
        inboxSkips = registry.counter(
            "sie_gateway_queue_inbox_skips_total", help: "Results that nobody waited for."
        ).with()
        ackFailures = registry.counter(
            "sie_gateway_queue_ack_failures_total", help: "Work items the broker refused or did not confirm."
        ).with()
        payloadOffloads = registry.counter(
            "sie_gateway_queue_payload_offloads_total", help: "Payloads stored beside the queue for their size."
        ).with()
        batchesPublished = registry.counter(
            "sie_gateway_queue_batches_published_total", help: "Messages with several work items."
        ).with()
        requestsCoalesced = registry.counter(
            "sie_gateway_queue_requests_coalesced_total",
            help: "Requests whose work item shared a message with those of others."
        ).with()
        itemsReissued = registry.counter(
            "sie_gateway_queue_items_reissued_total",
            help: "Work items of messages with several that were published again, one by one."
        ).with()
        natsConnected = registry.gauge(
            "sie_gateway_nats_connected", help: "1 while connected to NATS."
        ).with()
        // Present from the first scrape on, so that queries find a series before the first event.
        _ = requests.with("", "", "")
        _ = provisioningResponses.with("")
        _ = pendingDemand.with("", "")
        _ = rejectedRequests.with("", "", "")
    }

    /// The `status` label: a code of the known ones, else `xxx`, so that nothing can make the label's values grow.
    package static func label(status: Int) -> String {
        knownStatuses.contains(status) ? String(status) : "xxx"
    }

    private static let knownStatuses: Set = [
        200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 422, 429, 500, 501, 502, 503, 504,
    ]
}
