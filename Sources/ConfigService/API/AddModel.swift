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
        let (body, identity) = try await opened(request, start)
        guard let identity else { return await add(body, nil, request, start) }
        return await authority.idempotency.answer(identity, mismatch: APIError.idempotencyMismatch.answer) {
            await add(body, identity, request, start)
        }
    }

    /// The body of a request that may write, and by what it is known again. Refusals leave an audit line too.
    private func opened(
        _ request: Request, _ start: ContinuousClock.Instant
    ) async throws(APIError) -> (ByteBuffer, RequestIdentity?) {
        do throws(APIError) {
            try authorization.requireAdmin(request.headers)
            _ = try authority.catalogue()
            guard authority.canAnnounce else { throw .messagingUnavailable }
            let body = try await Self.body(of: request)
            return (body, try Self.identity(of: body, request.headers))
        } catch {
            record(nil, error.answer, nil, 0, request, start)
            throw error
        }
    }

    private static func body(of request: Request) async throws(APIError) -> ByteBuffer {
        do {
            return try await request.body.collect(upTo: maximumDocumentBytes)
        } catch {
            throw .payloadTooLarge(limitBytes: maximumDocumentBytes)
        }
    }

    private static func identity(of body: ByteBuffer, _ headers: HTTPFields) throws(APIError) -> RequestIdentity? {
        guard let field = HTTPField.Name.idempotencyKey, let key = headers[field], !key.isEmpty else { return nil }
        guard key.utf8.count <= RequestIdentity.maximumKeyBytes else { throw .invalidIdempotencyKey }
        return RequestIdentity(key: key, body: body.readableBytesView)
    }

    private func add(
        _ body: ByteBuffer, _ identity: RequestIdentity?, _ request: Request, _ start: ContinuousClock.Instant
    ) async -> Answer {
        let id: String?
        let answer: Answer
        var epoch: UInt64?
        do {
            let document = try Self.document(body)
            id = document["sie_id"]?.string
            do {
                let result = try await authority.write(ConfigAuthority.Write(document: document, identity: identity))
                epoch = result.epoch
                answer = result.answer
            } catch {
                answer = error.answer
            }
        } catch {
            id = nil
            answer = error.answer
        }
        record(id, answer, epoch, body.readableBytes, request, start)
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
            // JSON is YAML but for the escapes of characters beyond the first 65,536, which come in pairs there.
            guard let json = Self.json(body) else { throw .unparsable(error.description) }
            node = YAMLNode(json: json)
        }
        guard let document = node.mapping else {
            throw .unparsable("The body must be a YAML mapping, but is \(node.kindDescription)")
        }
        if let id = document["sie_id"]?.string, !id.isEmpty, !ModelIdentifier.isValid(id) {
            throw .invalidModelID(id)
        }
        return document
    }

    private static func json(_ body: ByteBuffer) -> JSONValue? {
        guard body.readableBytesView.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else {
            return nil
        }
        return try? JSONReader.decode(body.readableBytesView)
    }

    /// One audit line for each write that was looked at, whatever became of it.
    private func record(
        _ model: String?, _ answer: Answer, _ epoch: UInt64?, _ bodyBytes: Int, _ request: Request,
        _ start: ContinuousClock.Instant
    ) {
        let (seconds, attoseconds) = start.duration(to: .now).components
        let milliseconds = Double(seconds) * 1e3 + Double(attoseconds) / 1e15
        var metadata: Logger.Metadata = [
            "event": "config.add_model", "method": "POST", "endpoint": "/v1/configs/models",
            "status": .stringConvertible(answer.status.code), "outcome": "\(Self.outcome(answer))",
            "latency_ms": .stringConvertible((milliseconds * 100).rounded() / 100),
            "body_bytes": .stringConvertible(bodyBytes),
        ]
        if let model { metadata["model"] = "\(model.prefix(200))" }
        if let epoch { metadata["epoch"] = .stringConvertible(epoch) }
        if let name = authorization.tokenName(request.headers) { metadata["token_name"] = "\(name)" }
        if let token = LogRedaction.digest(BearerToken.token(in: request.headers[.authorization])) {
            metadata["token_id"] = "\(token)"
        }
        audit.info("config.add_model", metadata: metadata)
    }

    /// What became of a write, in a word.
    private static func outcome(_ answer: Answer) -> String {
        switch answer.status.code {
        case 201: "created"
        case 200: "unchanged"
        case 400..<500: "refused"
        default: "failed"
        }
    }
}
