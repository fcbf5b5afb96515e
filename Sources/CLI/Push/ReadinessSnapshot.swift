import JSONStream

/// One look at a model's status as the gateway sees it.
package enum ReadinessSnapshot: Sendable, Equatable {
    /// The status document. `isAcknowledged` and `hasNoBundles` are nil where the flag is no boolean: the text `"true"`
    /// is not true.
    case status(isAcknowledged: Bool?, hasNoBundles: Bool?, epoch: Int?, progress: String)
    /// The gateway does not know the model yet.
    case unknownModel
    /// The gateway does not let the caller in; waiting changes nothing.
    case refused(status: Int)
    /// Anything else, which may pass.
    case unusable(reason: String)

    package init(_ answer: ServiceAnswer) {
        switch answer.status {
        case 200:
            guard let json = answer.json, json.objectValue != nil else {
                self = .unusable(reason: "the gateway's answer is no JSON object")
                return
            }
            self = .status(
                isAcknowledged: json["all_bundles_acked"]?.boolValue, hasNoBundles: json["no_bundles"]?.boolValue,
                epoch: json["config_epoch"]?.intValue, progress: Self.progress(json))
        case 404: self = .unknownModel
        case let status? where status == 401 || status == 403: self = .refused(status: status)
        case let status?: self = .unusable(reason: "the gateway answers \(status)")
        case nil: self = .unusable(reason: "the gateway does not answer: \(answer.problem)")
        }
    }

    /// How far each bundle is: `default 1/2 (pending: worker-2)`.
    private static func progress(_ json: JSONValue) -> String {
        let bundles = (json["bundles"]?.arrayValue ?? []).map { bundle in
            let pending = (bundle["pending_workers"]?.arrayValue ?? []).compactMap(\.stringValue)
            let names = pending.isEmpty ? "" : " (pending: \(pending.joined(separator: ", ")))"
            let acknowledged = bundle["acked_workers"]?.arrayValue?.count ?? 0
            let total = bundle["total_eligible_workers"]?.intValue ?? 0
            return "\(bundle["bundle_id"]?.stringValue ?? "?") \(acknowledged)/\(total)\(names)"
        }
        return bundles.isEmpty ? "no bundles" : bundles.joined(separator: ", ")
    }

    /// The look for people.
    package var text: String {
        switch self {
        case .status(_, _, let epoch, let progress): "epoch \(epoch.map { String($0) } ?? "unknown"), \(progress)"
        case .unknownModel: "the gateway does not know the model yet"
        case .refused(let status): "the gateway answers \(status)"
        case .unusable(let reason): reason
        }
    }
}
