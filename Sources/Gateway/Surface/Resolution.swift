import Catalog
import JSONStream

/// Answers `POST /v1/configs/resolve`: which bundle a request for a model would go to, without sending one (gateway
/// contract 2.12). Unlike inference it knows no fallback for a gateway without a catalogue.
package struct Resolution: Equatable, Sendable {
    package var status: Int
    package var body: JSONValue

    /// - Parameters:
    ///   - model: may hold a bundle in front (`bundle:/model`), which beats `bundle`.
    ///   - bundle: the bundle that must serve it; nil or empty for the best.
    package init(model: String, bundle: String?, registry: Registry) {
        let path = try? ModelPath(decoded: model)
        let name = path?.modelID ?? model
        guard let path, let match = ModelNaming.resolve(path.modelID, in: registry),
            let best = registry.bundles(servingModel: match.modelID).first
        else {
            status = 404
            body = ["message": .string("Model not found: \(name)"), "model": .string(name)]
            return
        }
        let compatible = registry.bundles(servingModel: match.modelID)
        let wanted = path.bundle ?? bundle.flatMap { $0.isEmpty ? nil : $0 }
        if let wanted, !compatible.contains(wanted) {
            status = 409
            let list = compatible.map { "\"\($0)\"" }.joined(separator: ", ")
            body = [
                "message": .string(
                    "Bundle '\(wanted)' does not support model '\(name)'. Compatible bundles: [\(list)]"),
                "model": .string(name), "bundle": .string(wanted), "compatible_bundles": .strings(compatible),
            ]
            return
        }
        status = 200
        body = [
            "model": .string(model), "resolved_bundle": .string(wanted ?? best),
            "compatible_bundles": .strings(compatible),
            "profiles": .strings((registry.model(named: match.modelID)?.profiles ?? []).map(\.name).sorted()),
        ]
    }
}
