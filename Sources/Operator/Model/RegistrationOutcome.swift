import JSONStream

/// What the config service's answer to a posted model means for the object: by the error's code, because one status has
/// many meanings.
package enum RegistrationOutcome: Sendable, Hashable {
    /// The catalogue has the model.
    package struct Receipt: Sendable, Hashable {
        /// The profiles that came with this write; none where all were there.
        package var created: [String]
        package var existing: [String]
        package var warnings: [String]
        package var routerID: String?

        package init(
            created: [String] = [], existing: [String] = [], warnings: [String] = [], routerID: String? = nil
        ) {
            self.created = created
            self.existing = existing
            self.warnings = warnings
            self.routerID = routerID
        }
    }

    case registered(Receipt)
    /// The key was used before and the answer is forgotten: a GET tells what became of it.
    case appliedBefore
    /// Nothing but a change of the object can help.
    case refused(ModelReason, String)
    /// No bundle lists the adapter: a bundle that is not advertised yet may come to.
    case unroutable(String)
    /// The token is wrong. It may be replaced at any time.
    case unauthorized(String)
    /// The key was used with another document: send it once more with a new attempt's key.
    case keyReused(String)
    /// It may pass: send the same again, with the same key.
    case retry(ModelReason, String, afterSeconds: Int? = nil)

    /// - Parameter url: where the request went, for the messages about wrong addresses.
    package init(_ answer: ConfigAnswer, url: String) {
        switch answer {
        case .none(let problem):
            self = .retry(.configServiceUnavailable, "no answer of \(url): \(problem)")
        case .response(let status, let body, let retryAfterSeconds):
            self = Self.outcome(status, body, retryAfterSeconds, url)
        }
    }

    private static func outcome(_ status: Int, _ body: JSONValue, _ wait: Int?, _ url: String) -> RegistrationOutcome {
        let detail = body["detail"] ?? body
        let code = detail["error"]?.stringValue ?? ""
        let text = said(detail, code)
        let told = "the config service answered \(status)\(text.isEmpty ? "" : ": \(text)")"

        switch (status, code) {
        case (200, "idempotent_replay_evicted"): return .appliedBefore
        case (200, _), (201, _):
            return .registered(
                Receipt(
                    created: strings(body["created_profiles"]),
                    existing: strings(body["existing_profiles_skipped"]),
                    warnings: strings(body["warnings"]), routerID: body["router_id"]?.stringValue))
        case (401, _), (403, _):
            return .unauthorized("\(told). The operator's token opens no writes at \(url)")
        case (404, _), (405, _), (300..<400, _):
            return .refused(.invalidSpec, "\(told). \(url) is no config service; a gateway takes no models")
        case (409, _):
            let names = strings(detail["conflicting_profiles"]) + strings(detail["conflicting_fields"])
            let which = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
            return .refused(.appendOnlyConflict, "\(told)\(which)")
        case (413, _): return .refused(.payloadTooLarge, told)
        case (422, "idempotency_mismatch"): return .keyReused(told)
        case (422, _):
            if text.contains("append-only") { return .refused(.appendOnlyConflict, told) }
            if text.contains("not in any known bundle") || text.contains("No bundle can serve") {
                return .unroutable(told)
            }
            return .refused(.validationFailed, told)
        case (400..<429, _), (430..<500, _): return .refused(.validationFailed, told)
        case (503, "nats_unavailable"): return .retry(.natsUnavailable, told, afterSeconds: wait)
        case (503, "registry_unavailable"): return .retry(.registryUnavailable, told, afterSeconds: wait)
        default: return .retry(.configServiceUnavailable, told, afterSeconds: wait)
        }
    }

    /// What the service says, in one line: its message, or those about single fields with their places.
    private static func said(_ detail: JSONValue, _ code: String) -> String {
        if let text = detail.stringValue { return text }
        let issues = (detail["details"]?.arrayValue ?? []).compactMap { issue -> String? in
            guard let message = issue["message"]?.stringValue else { return nil }
            let place = strings(issue["loc"]).joined(separator: ".")
            return place.isEmpty ? message : "\(place): \(message)"
        }
        if !issues.isEmpty { return issues.joined(separator: "; ") }
        return detail["message"]?.stringValue ?? code
    }

    private static func strings(_ value: JSONValue?) -> [String] {
        (value?.arrayValue ?? []).compactMap(\.stringValue)
    }
}
