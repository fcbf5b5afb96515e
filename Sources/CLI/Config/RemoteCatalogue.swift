import Catalog
import JSONStream
import YAML

/// The catalogue of a running config service, read over HTTP.
struct RemoteCatalogue: Sendable {
    /// Why something cannot be had.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    let service: ServiceClient

    /// All bundles. One that cannot be read fails the whole: without it models would seem to be served by none.
    func bundles() async throws(Failure) -> [Bundle] {
        let list = try await answer("/v1/configs/bundles")
        guard let entries = list.json?["bundles"]?.arrayValue else {
            throw Failure(description: "\(service.url)/v1/configs/bundles is no list of bundles")
        }
        var bundles: [Bundle] = []
        for id in entries.compactMap({ $0["bundle_id"]?.stringValue }) {
            let path = "/v1/configs/bundles/\(ServiceClient.path(id))"
            let text = try await answer(path).body
            do {
                bundles.append(try Bundle(try YAMLNode(parsing: text), fallbackID: id))
            } catch {
                throw Failure(description: "\(service.url)\(path): \(error)")
            }
        }
        return bundles
    }

    /// The document of a model; nil where the service knows none of that id.
    func model(_ id: String) async throws(Failure) -> YAMLMapping? {
        guard ModelIdentifier.isValid(id) else { return nil }
        let path = "/v1/configs/models/\(ServiceClient.path(id))"
        let answer = try await answer(path, orNotFound: true)
        guard answer.status == 200 else { return nil }
        do {
            guard let document = try YAMLNode(parsing: answer.body).mapping else {
                throw Failure(description: "\(service.url)\(path) is no mapping")
            }
            // The service finds a model whatever the case of the name, but adds to the exact one alone.
            return document["sie_id"]?.string == id ? document : nil
        } catch {
            throw Failure(description: "\(service.url)\(path): \(error)")
        }
    }

    private func answer(_ path: String, orNotFound: Bool = false) async throws(Failure) -> ServiceAnswer {
        let answer = await service.get(path, within: .seconds(15))
        guard answer.status == 200 || orNotFound && answer.status == 404 else {
            throw Failure(description: "\(service.url)\(path): \(answer.statusText) \(answer.text.prefix(300))")
        }
        return answer
    }
}
