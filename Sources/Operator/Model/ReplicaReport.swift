import JSONStream
import Kubernetes

/// What one replica of the gateway says of one model.
package struct ReplicaReport: Sendable, Hashable {
    /// What a replica's status document says of a bundle that can serve the model.
    package struct Bundle: Sendable, Hashable {
        package var name: String
        package var expectedHash: String
        package var ackedWorkers: [String]
        package var pendingWorkers: [String]

        package init(name: String, expectedHash: String, ackedWorkers: [String] = [], pendingWorkers: [String] = []) {
            self.name = name
            self.expectedHash = expectedHash
            self.ackedWorkers = ackedWorkers
            self.pendingWorkers = pendingWorkers
        }
    }

    package enum Answer: Sendable, Hashable {
        /// The replica knows the model: its epoch, and the bundles that can serve it, best first.
        case known(epoch: Int, bundles: [Bundle])
        /// 404.
        case unknownModel
        /// 401 or 403.
        case unauthorized(status: Int)
        /// No answer, or one that makes no sense.
        case unreachable(problem: String)
    }

    /// The name of the pod, or the address where it is not known.
    package var pod: String
    /// Whether the replica gets traffic; one that does not is shown and not counted.
    package var isReady: Bool
    /// Since when the replica gets traffic.
    package var readySince: Timestamp
    package var answer: Answer
    /// Whether it has known the model since then: then it is not one that still starts.
    package var hasKnown: Bool

    package init(
        pod: String, isReady: Bool = true, readySince: Timestamp, answer: Answer, hasKnown: Bool = false
    ) {
        self.pod = pod
        self.isReady = isReady
        self.readySince = readySince
        self.answer = answer
        self.hasKnown = hasKnown
    }
}

extension ReplicaReport.Answer {
    /// Reads the answer to `GET /v1/configs/models/{id}/status`.
    package init(status: Int, body: JSONValue) {
        switch status {
        case 200:
            guard let epoch = body["config_epoch"]?.intValue, let documents = body["bundles"]?.arrayValue else {
                self = .unreachable(problem: "the answer is no status of a model")
                return
            }
            self = .known(
                epoch: epoch,
                bundles: documents.compactMap { document in
                    document["bundle_id"]?.stringValue.map { name in
                        ReplicaReport.Bundle(
                            name: name, expectedHash: document["expected_bundle_config_hash"]?.stringValue ?? "",
                            ackedWorkers: Self.strings(document["acked_workers"]),
                            pendingWorkers: Self.strings(document["pending_workers"]))
                    }
                })
        case 401, 403: self = .unauthorized(status: status)
        case 404: self = .unknownModel
        default: self = .unreachable(problem: "status \(status)")
        }
    }

    private static func strings(_ value: JSONValue?) -> [String] {
        (value?.arrayValue ?? []).compactMap(\.stringValue)
    }
}
