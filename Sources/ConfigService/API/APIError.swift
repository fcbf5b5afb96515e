import Catalog
import HTTPTypes
import JSONStream

/// Everything the API refuses, with the status and the stable code of each.
enum APIError: Error, Sendable, Equatable {
    case missingToken
    case invalidToken
    case adminTokenRequired
    case writesClosed
    case registryUnavailable
    case messagingUnavailable
    case storeUnavailable(String)
    case payloadTooLarge(limitBytes: Int)
    case unparsable(String)
    case invalidModelID(String)
    case modelNotFound(String)
    case bundleNotFound(String)
    case unresolvable(model: String)
    case bundleConflict(model: String, bundle: String, compatible: [String])
    case missingField(String)
    case invalidModelSpec(String)
    case refused(model: String, ModelAppend.Refusal)
    case idempotencyMismatch
    case invalidIdempotencyKey
    case notTheWriter

    /// The status of the answer.
    var status: HTTPResponse.Status {
        switch self {
        case .missingToken: .unauthorized
        case .invalidToken, .adminTokenRequired, .writesClosed: .forbidden
        case .registryUnavailable, .messagingUnavailable, .storeUnavailable, .notTheWriter: .serviceUnavailable
        case .payloadTooLarge: .contentTooLarge
        case .unparsable, .invalidModelID, .missingField, .invalidModelSpec, .invalidIdempotencyKey: .badRequest
        case .modelNotFound, .bundleNotFound, .unresolvable: .notFound
        case .bundleConflict, .refused(_, .conflictingFields), .refused(_, .conflictingProfiles): .conflict
        case .refused(_, .invalid), .idempotencyMismatch: .unprocessableContent
        }
    }

    /// `{"detail": ...}`: plain text for tokens, an object with a code for all else.
    var answer: Answer {
        var answer = Answer.json(["detail": detail], status: status)
        if case .notTheWriter = self { answer.retryAfterSeconds = 1 }
        return answer
    }

    private var detail: JSONValue {
        switch self {
        case .missingToken:
            "Missing Authorization header"
        case .invalidToken:
            "Invalid token"
        case .adminTokenRequired:
            "Admin token required for config mutations"
        case .writesClosed:
            "Config mutations are closed: set SIE_ADMIN_TOKEN to allow them"
        case .registryUnavailable:
            Self.object("registry_unavailable", "The model registry could not be loaded; see the service's log")
        case .messagingUnavailable:
            Self.object("nats_unavailable", "NATS is not connected; nothing was written, try again later")
        case .storeUnavailable(let reason):
            Self.object("store_unavailable", "The config store failed: \(reason)")
        case .payloadTooLarge(let limit):
            Self.object("payload_too_large", "The body must not exceed \(limit) bytes")
        case .unparsable(let reason):
            Self.object("parse_error", reason)
        case .invalidModelID(let id):
            Self.object(
                "invalid_model_id",
                "'\(id.prefix(200))' is no model id: letters, digits and '._/-', no '..', not ending in '/status'")
        case .modelNotFound(let id):
            Self.object("model_not_found", "Model '\(id)' not found", ["model_id": .string(id)])
        case .bundleNotFound(let id):
            ["error": "bundle_not_found", "bundle_id": .string(id)]
        case .unresolvable(let model):
            Self.object("model_not_found", "No bundle serves a model '\(model)'", ["model": .string(model)])
        case .bundleConflict(let model, let bundle, let compatible):
            Self.object(
                "bundle_conflict", "Bundle '\(bundle)' does not serve model '\(model)'",
                [
                    "model": .string(model), "bundle": .string(bundle),
                    "compatible_bundles": .array(compatible.map(JSONValue.string)),
                ])
        case .missingField(let field):
            Self.object("missing_field", "Missing required field: \(field)")
        case .invalidModelSpec(let spec):
            Self.object("invalid_model_spec", "'\(spec.prefix(200))' names no model; write 'model' or 'bundle:/model'")
        case .refused(_, .invalid(let issues)):
            ["error": "validation_error", "details": .array(issues.map(Self.json))]
        case .refused(let model, .conflictingProfiles(let names)):
            Self.object(
                "content_conflict", "Profiles exist with other content: \(names.joined(separator: ", "))",
                ["model_id": .string(model), "conflicting_profiles": .array(names.map(JSONValue.string))])
        case .refused(let model, .conflictingFields(let names)):
            Self.object(
                "content_conflict", "Fields exist with other values: \(names.joined(separator: ", "))",
                ["model_id": .string(model), "conflicting_fields": .array(names.map(JSONValue.string))])
        case .idempotencyMismatch:
            Self.object("idempotency_mismatch", "This Idempotency-Key was used with another body")
        case .invalidIdempotencyKey:
            Self.object(
                "invalid_idempotency_key",
                "An Idempotency-Key has at most \(RequestIdentity.maximumKeyBytes) bytes")
        case .notTheWriter:
            Self.object("not_the_writer", "Another replica writes; nothing was changed, send the request again")
        }
    }

    private static func object(_ code: String, _ message: String, _ fields: [String: JSONValue] = [:]) -> JSONValue {
        var members = [JSONMember("error", .string(code))]
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { members.append(JSONMember(key, value)) }
        members.append(JSONMember("message", .string(message)))
        return .object(members)
    }

    private static func json(_ issue: SchemaIssue) -> JSONValue {
        ["message": .string(issue.message), "loc": .array(issue.location.map(JSONValue.string))]
    }
}
