import Catalog
import Hummingbird
import JSONStream
import NIOCore

extension ConfigAPI {
    /// `POST /v1/configs/resolve`: which bundle would serve a model. It changes nothing.
    func resolve(_ request: Request) async throws -> Answer {
        try authorization.requireReader(request.headers)
        let registry = try authority.catalogue().registry
        let query = try ResolveQuery(try await request.body.collect(upTo: Self.maximumDocumentBytes))

        guard let model = registry.model(named: query.model) else { throw APIError.unresolvable(model: query.model) }
        let compatible = registry.bundles(servingModel: model.id)
        guard let first = compatible.first else { throw APIError.unresolvable(model: query.model) }
        if let bundle = query.bundle, !compatible.contains(bundle) {
            throw APIError.bundleConflict(model: query.model, bundle: bundle, compatible: compatible)
        }
        let profiles = model.profiles.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        return .json([
            "model": .string(query.model), "resolved_bundle": .string(query.bundle ?? first),
            "compatible_bundles": .array(compatible.map(JSONValue.string)),
            "profiles": .array(profiles.map(JSONValue.string)),
        ])
    }
}

/// What a resolve request asks for.
struct ResolveQuery: Sendable, Equatable {
    /// The model as sent, without a bundle prefix.
    var model: String
    /// The bundle it must be served by: that of the prefix, else the field's.
    var bundle: String?

    /// Reads a body: `{"model": "[bundle:/]model", "bundle": null}`; an empty one equals `{}`.
    init(_ body: ByteBuffer) throws(APIError) {
        var json: JSONValue = [:]
        if body.readableBytes > 0 {
            do {
                json = try JSONReader.decode(body.readableBytesView)
            } catch {
                throw .unparsable("The body is no JSON: \(error)")
            }
        }
        guard case .object = json else { throw .unparsable("The body must be a JSON object") }
        guard let field = json["model"], !field.isNull else { throw .missingField("model") }
        guard let spec = field.stringValue else { throw .invalidModelSpec("model must be a string") }
        guard !spec.isEmpty else { throw .missingField("model") }
        guard spec.contains(where: { !$0.isWhitespace }) else { throw .invalidModelSpec(spec) }
        if let separator = spec.firstRange(of: ":/") {
            bundle = spec[..<separator.lowerBound].lowercased()
            model = String(spec[separator.upperBound...])
            guard bundle != "", !model.isEmpty else { throw .invalidModelSpec(spec) }
            return
        }
        model = spec
        switch json["bundle"] {
        case nil, .null: bundle = nil
        case .string(let name): bundle = name
        default: throw .unparsable("bundle must be a string")
        }
    }
}
