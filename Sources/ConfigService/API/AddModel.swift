import Catalog
import HTTPService
import HTTPTypes
import Hummingbird
import JSONStream
import Logging
import NIOCore
import Observability
import YAML

extension HTTPField.Name {
    /// `Idempotency-Key`; nil never happens, since the literal is a valid field name.
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")
}

extension ConfigAPI {
    /// `POST /v1/configs/models`: adds a model, or profiles to one.
    ///
    /// The order of checks is part of the contract: token, registry, NATS, size, idempotency, syntax, id, content.
    func addModel(_ request: Request) async throws -> Answer {
        let start = ContinuousClock.now
        try authorization.requireAdmin(request.headers)
        _ = try authority.snapshot()
        guard authority.canAnnounce else { throw APIError.messagingUnavailable }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: Self.maximumDocumentBytes)
        } catch {
            throw APIError.payloadTooLarge(limitBytes: Self.maximumDocumentBytes)
        }
        guard let field = HTTPField.Name.idempotencyKey, let key = request.headers[field], !key.isEmpty else {
            return await add(body, request, start)
        }
        return await idempotency.answer(
            key: key, body: body.readableBytesView, mismatch: APIError.idempotencyMismatch.answer
        ) {
            await add(body, request, start)
        }
    }

    private func add(_ body: ByteBuffer, _ request: Request, _ start: ContinuousClock.Instant) async -> Answer {
        let result: ConfigAuthority.WriteResult
        do {
            result = try await authority.write(try Self.document(body))
        } catch let error as APIError {
            return error.answer
        } catch {
            // The writer's thread ends with the process only.
            return APIError.storeUnavailable("the service is shutting down").answer
        }
        let append = result.append
        let answer = Answer.json(
            [
                "model_id": .string(append.model.id),
                "created_profiles": .array(append.createdProfiles.map(JSONValue.string)),
                "existing_profiles_skipped": .array(append.skippedProfiles.map(JSONValue.string)),
                "warnings": .array(result.warnings.map(JSONValue.string)),
                "routable_bundles_by_profile": .object(
                    append.createdProfiles.map { name in
                        JSONMember(name, .array(append.affectedBundles.map(JSONValue.string)))
                    }),
                "router_id": .string(authority.routerID),
            ],
            status: append.createsSomething ? .created : .ok)
        record(append.model.id, answer, body.readableBytes, request, start)
        return answer
    }

    /// Parses a body and checks the grammar of its id, which comes before the rest of the fields.
    private static func document(_ body: ByteBuffer) throws(APIError) -> YAMLMapping {
        var options = YAMLOptions()
        options.maximumBytes = maximumDocumentBytes
        let node: YAMLNode
        do {
            node = try YAMLNode(parsing: body.readableBytesView, options: options)
        } catch {
            throw .unparsable(error.description)
        }
        guard let document = node.mapping else {
            throw .unparsable("The body must be a YAML mapping, but is \(node.kindDescription)")
        }
        if let id = document["sie_id"]?.string, !id.isEmpty, !ModelIdentifier.isValid(id) {
            throw .invalidModelID(id)
        }
        return document
    }

    private func record(
        _ model: String, _ answer: Answer, _ bodyBytes: Int, _ request: Request, _ start: ContinuousClock.Instant
    ) {
        let (seconds, attoseconds) = start.duration(to: .now).components
        let milliseconds = Double(seconds) * 1e3 + Double(attoseconds) / 1e15
        var metadata: Logger.Metadata = [
            "event": "config.add_model", "method": "POST", "endpoint": "/v1/configs/models",
            "status": .stringConvertible(answer.status.code), "model": "\(model)",
            "latency_ms": .stringConvertible((milliseconds * 100).rounded() / 100),
            "body_bytes": .stringConvertible(bodyBytes),
        ]
        if let token = LogRedaction.digest(BearerToken.token(in: request.headers[.authorization])) {
            metadata["token_id"] = "\(token)"
        }
        audit.info("config.add_model", metadata: metadata)
    }
}
