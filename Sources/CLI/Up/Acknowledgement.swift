import FoundationEssentials

/// Reads the gateway's answer to `GET /v1/configs/models/{id}/status`: whether the workers serve the model as it is
/// configured.
package enum Acknowledgement {
    private struct Status: Decodable {
        struct Bundle: Decodable {
            var bundleId: String
            var ackedWorkers: [String]
            var pendingWorkers: [String]
            var acked: Bool
        }

        var allBundlesAcked: Bool
        var bundles: [Bundle]
    }

    /// The path that is asked for a model.
    package static func path(model: String) -> String { "/v1/configs/models/\(model)/status" }

    /// nil when at least `workers` workers acknowledge every bundle of the model, else what is missing.
    package static func missing(status: Int, body: [UInt8], workers: Int) -> String? {
        guard status == 200 else {
            return "the gateway answers \(status): \(String(decoding: body.prefix(200), as: UTF8.self))"
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard let answer = try? decoder.decode(Status.self, from: Data(body)) else {
            return "the gateway's answer is not a status document: \(String(decoding: body.prefix(200), as: UTF8.self))"
        }
        guard !answer.bundles.isEmpty else { return "the gateway knows no bundle for the model" }
        for bundle in answer.bundles where !bundle.acked || bundle.ackedWorkers.count < workers {
            let pending =
                bundle.pendingWorkers.isEmpty ? "" : "; pending: \(bundle.pendingWorkers.joined(separator: ", "))"
            return "\(bundle.ackedWorkers.count) of \(workers) workers acknowledge bundle \(bundle.bundleId)\(pending)"
        }
        return answer.allBundlesAcked ? nil : "not all bundles are acknowledged"
    }
}
