import JSONStream

/// What the config service's answer to a posted model means, by status and then by error code.
package enum PostVerdict: Sendable, Equatable {
    /// 201: something was added. The remarks are the service's own warnings.
    case created(warnings: [String])
    /// 200: everything was there already.
    case unchanged
    /// 200 for a repetition whose first answer the service no longer has: whether the model is there must be asked.
    case replayEvicted
    /// The service will not take this file, however often it is sent.
    case refused(Annotation)
    /// A condition that may pass; the remark is for when it does not.
    case transient(Annotation)

    /// - Parameters:
    ///   - file: the file that was posted, relative to the repository's root.
    ///   - size: its size in bytes.
    package init(_ answer: ServiceAnswer, file: String, size: Int) {
        let json = answer.json
        let detail = json?["detail"]
        let code = detail?["error"]?.stringValue ?? ""
        let said = Self.message(detail) ?? json?["message"]?.stringValue
        let reason = said.map { ": \($0)" } ?? ""

        func refused(_ message: String) -> PostVerdict { .refused(Annotation(.error, message, file: file)) }
        func transient(_ message: String) -> PostVerdict { .transient(Annotation(.error, message, file: file)) }
        let unexpected = "unexpected status \(answer.statusText) of the config service\(reason)"

        switch (answer.status, code) {
        case (nil, _):
            self = transient("unexpected status 000: no answer of the config service (\(answer.problem))")
        case (201, _):
            self = .created(warnings: (json?["warnings"]?.arrayValue ?? []).compactMap(\.stringValue))
        case (200, _):
            self = json?["error"]?.stringValue == "idempotent_replay_evicted" ? .replayEvicted : .unchanged
        case (400, "parse_error"):
            self = refused("parse_error: the config service cannot read the file\(reason)")
        case (400, "invalid_model_id"):
            self = refused("invalid_model_id: the config service does not take this sie_id\(reason)")
        case (401, _), (403, _):
            self = .refused(
                Annotation(
                    .error,
                    "\(file): the config service refuses the write with \(answer.statusText)\(reason). "
                        + "Check the secret SIE_ADMIN_TOKEN, and that the service has SIE_ADMIN_TOKEN set: "
                        + "SIE_AUTH_TOKEN alone opens no writes"))
        case (405, _):
            self = .refused(
                Annotation(
                    .error,
                    "\(file): the service answers 405: SIE_CONFIG_URL points at the gateway, not at the config service")
            )
        case (409, _):
            let names = ["conflicting_profiles", "conflicting_fields"].compactMap { key -> String? in
                let values = (detail?[key]?.arrayValue ?? []).compactMap(\.stringValue)
                return values.isEmpty ? nil : "\(key): \(values.joined(separator: ", "))"
            }
            let which = names.isEmpty ? reason : " (\(names.joined(separator: "; ")))"
            self = refused(
                "content_conflict: the stored model differs\(which). The catalogue is append-only: "
                    + "choose a new profile_id")
        case (413, _):
            self = refused("payload_too_large: the file has \(size) bytes, the limit is 1048576")
        case (422, "idempotency_mismatch"):
            self = refused(
                "idempotency_mismatch: this commit was pushed with another content of the file; "
                    + "a new commit gives a new key")
        case (422, _):
            let issues = (detail?["details"]?.arrayValue ?? []).compactMap { $0["message"]?.stringValue }
            let list = issues.isEmpty ? reason : ": \(issues.joined(separator: "; "))"
            self = refused("\(code.isEmpty ? "unexpected status 422" : code)\(list)")
        case (503, "registry_unavailable"):
            self = refused(
                "registry_unavailable: the config service could not load its models; see its /readyz and its logs")
        case (503, "nats_unavailable"):
            self = transient("nats_unavailable: the config service has no NATS connection; nothing was written")
        case (429, _), (502, _), (503, _), (504, _):
            self = transient(unexpected)
        default:
            self = refused(unexpected)
        }
    }

    private static func message(_ detail: JSONValue?) -> String? {
        detail?.stringValue ?? detail?["message"]?.stringValue
    }
}
