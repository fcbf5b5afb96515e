import JSONStream
import Operator
import Testing

@Suite("Answers of the config service")
struct RegistrationOutcomeTests {
    private func outcome(_ status: Int, _ body: String, retryAfter: Int? = nil) throws -> RegistrationOutcome {
        RegistrationOutcome(
            .response(status: status, body: try JSONReader.decode(body.utf8), retryAfterSeconds: retryAfter),
            url: "http://config:8080")
    }

    @Test("201 and 200 say that the model is there, and what was warned of", arguments: [201, 200])
    func registered(_ status: Int) throws {
        let body = """
            {"model_id":"a/b","created_profiles":["default"],"existing_profiles_skipped":["dense"],
             "warnings":["nats_publish_partial"],"routable_bundles_by_profile":{"default":["default"]},
             "router_id":"sie-config-0"}
            """
        #expect(
            try outcome(status, body)
                == .registered(
                    .init(
                        created: ["default"], existing: ["dense"], warnings: ["nats_publish_partial"],
                        routerID: "sie-config-0")))
    }

    @Test("a forgotten answer says that the write was carried out")
    func evicted() throws {
        let body = #"{"error":"idempotent_replay_evicted","idempotency_key":"k","message":"m"}"#
        #expect(try outcome(200, body) == .appliedBefore)
    }

    /// Status, body, and what it means.
    private static let refusals: [(Int, String, ModelReason)] = [
        (400, #"{"detail":{"error":"parse_error","message":"line 1"}}"#, .validationFailed),
        (400, #"{"detail":{"error":"invalid_model_id","message":"no"}}"#, .validationFailed),
        (
            409, #"{"detail":{"error":"content_conflict","conflicting_profiles":["default"],"message":"no"}}"#,
            .appendOnlyConflict
        ),
        (
            409, #"{"detail":{"error":"content_conflict","conflicting_fields":["hf_id"],"message":"no"}}"#,
            .appendOnlyConflict
        ),
        (
            422,
            #"{"detail":{"error":"validation_error","details":[{"message":"Profile 'default' on model 'a/b' already "#
                + #"exists with different config (append-only)"}]}}"#, .appendOnlyConflict
        ),
        (
            422, #"{"detail":{"error":"validation_error","details":[{"message":"bad","loc":["profiles","x"]}]}}"#,
            .validationFailed
        ),
        (413, #"{"detail":{"error":"payload_too_large","message":"big"}}"#, .payloadTooLarge),
        (404, #"{"detail":"Not Found"}"#, .invalidSpec),
        (405, #"{"message":"Method Not Allowed"}"#, .invalidSpec),
        (307, "null", .invalidSpec),
    ]

    @Test("what repeating cannot help is refused, for the right reason, with what the service said")
    func refused() throws {
        for (status, body, reason) in Self.refusals {
            guard case .refused(let found, let message) = try outcome(status, body) else {
                Issue.record("\(status) \(body) is not refused")
                continue
            }
            #expect(found == reason, "\(status) \(body)")
            #expect(message.contains("\(status)"))
        }
        guard case .refused(_, let named) = try outcome(409, Self.refusals[2].1),
            case .refused(_, let placed) = try outcome(422, Self.refusals[5].1),
            case .refused(_, let address) = try outcome(405, "{}")
        else { return }
        #expect(named.contains("default") && placed.contains("profiles.x: bad"))
        #expect(address.contains("http://config:8080"))
    }

    @Test("what may pass is repeated, with the service's own wait")
    func retried() throws {
        let cases: [(Int, String, ModelReason)] = [
            (503, #"{"detail":{"error":"nats_unavailable","message":"m"}}"#, .natsUnavailable),
            (503, #"{"detail":{"error":"registry_unavailable","message":"m"}}"#, .registryUnavailable),
            (503, #"{"detail":{"error":"not_the_writer","message":"m"}}"#, .configServiceUnavailable),
            (503, #"{"detail":{"error":"store_unavailable","message":"m"}}"#, .configServiceUnavailable),
            (429, "null", .configServiceUnavailable), (500, "null", .configServiceUnavailable),
            (502, #""<html>""#, .configServiceUnavailable), (504, "{}", .configServiceUnavailable),
        ]
        for (status, body, reason) in cases {
            guard case .retry(let found, _, let wait) = try outcome(status, body, retryAfter: 7) else {
                Issue.record("\(status) \(body) is not repeated")
                continue
            }
            #expect(found == reason && wait == 7, "\(status) \(body)")
        }
        let lost = RegistrationOutcome(.none(problem: "connection refused"), url: "http://config:8080")
        guard case .retry(.configServiceUnavailable, let message, nil) = lost else {
            Issue.record("a lost answer is not repeated: \(lost)")
            return
        }
        #expect(message.contains("connection refused"))
    }

    @Test("an adapter that no bundle has may get one; a token may be replaced; a used key is replaced")
    func others() throws {
        let unknown =
            #"{"detail":{"error":"validation_error","details":[{"message":"Adapter(s) not in any known bundle: m"}]}}"#
        guard case .unroutable(let text) = try outcome(422, unknown) else {
            Issue.record("not unroutable")
            return
        }
        #expect(text.contains("known bundle: m"))
        for status in [401, 403] {
            guard case .unauthorized = try outcome(status, #"{"detail":"no"}"#) else {
                Issue.record("\(status) is not unauthorized")
                continue
            }
        }
        guard case .keyReused = try outcome(422, #"{"detail":{"error":"idempotency_mismatch","message":"m"}}"#) else {
            Issue.record("not a used key")
            return
        }
    }
}
