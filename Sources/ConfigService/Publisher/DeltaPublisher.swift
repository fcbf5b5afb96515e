import Wire

/// Announces changes to workers and gateways.
protocol DeltaPublisher: Sendable {
    /// Who publishes, as consumers check it.
    var identity: String { get }
    /// Whether a write may begin now.
    var isConnected: Bool { get }
    /// Sends one message; returns once it is on its way.
    func publish(_ payload: [UInt8], to subject: String) throws
}

/// What one round of announcements came to.
enum PublishOutcome: Sendable, Equatable {
    /// Everything is on its way.
    case complete
    /// These bundles were not told, on one subject at least.
    case partial(failed: [String], all: Bool)
    /// The connection was lost before anything could be sent.
    case failed(reason: String)

    /// What the writer's client is told; nil where all is well.
    var warning: String? {
        switch self {
        case .complete:
            nil
        case .partial(let failed, _):
            "nats_publish_partial: the change is stored, but was not announced for: \(failed.joined(separator: ", "))"
        case .failed(let reason):
            "nats_publish_failed: the change is stored, but was not announced: \(reason)"
        }
    }

    /// The label under which the round is counted.
    var metricLabel: String {
        switch self {
        case .complete: "success"
        case .partial(_, let all): all ? "failure" : "partial"
        case .failed: "failure"
        }
    }
}

extension DeltaPublisher {
    /// Sends the deltas of one write: each to the subject of its bundle and then, if that went well, to that of all
    /// gateways. A failure for one bundle does not keep the others from being told.
    func announce(_ deltas: [ConfigDelta]) -> PublishOutcome {
        guard isConnected else { return .failed(reason: "NATS is not connected") }
        var failed: [String] = []
        for delta in deltas {
            let payload = delta.encoded()
            do {
                for subject in [Subjects.configDeltas(bundle: delta.bundleID), Subjects.allConfigDeltas] {
                    try publish(payload, to: subject)
                }
            } catch {
                failed.append(delta.bundleID)
            }
        }
        return failed.isEmpty ? .complete : .partial(failed: failed, all: failed.count == deltas.count)
    }
}
