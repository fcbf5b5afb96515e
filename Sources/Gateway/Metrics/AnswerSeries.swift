import Observability

/// The series that every answer of one endpoint and machine profile updates, looked up once: a look-up hashes its label
/// values under a lock, an update is one atomic addition.
struct AnswerSeries: Sendable {
    /// The label of requests that name no machine profile.
    static let unknownProfile = "unknown"

    /// The label, never empty.
    let machineProfile: String
    /// Answers with status 200.
    let succeeded: Counter
    let latency: Histogram

    /// The series looked up so far. Bounded by its caller, who bounds the labels; bound to one event loop by its owner.
    struct Table {
        private struct Key: Hashable {
            var endpoint: String
            var machineProfile: String
        }

        private var known: [Key: AnswerSeries] = [:]

        mutating func series(endpoint: String, machineProfile: String, of metrics: InferenceMetrics) -> AnswerSeries {
            let key = Key(endpoint: endpoint, machineProfile: machineProfile)
            if let series = known[key] { return series }
            let label = machineProfile.isEmpty ? AnswerSeries.unknownProfile : machineProfile
            let series = AnswerSeries(
                machineProfile: label,
                succeeded: metrics.requests.with(endpoint, InferenceMetrics.label(status: 200), label),
                latency: metrics.latency.with(endpoint, label))
            known[key] = series
            return series
        }
    }
}
