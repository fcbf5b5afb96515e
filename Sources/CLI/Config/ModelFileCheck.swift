import Catalog
import YAML

/// Judges model files as the config service would, one after the other into one catalogue, without a service.
///
/// The service's rules give errors; what workers are stricter about, and what is likely a mistake, gives warnings.
package struct ModelFileCheck {
    /// The largest document that the service takes, in bytes.
    private static let maximumBytes = 1 << 20

    private var registry: Registry
    /// Without bundles any adapter counts as one that some bundle has.
    private let acceptsAnyAdapter: Bool
    private var acceptedAdapters: [String] = []

    /// - Parameter bundles: the bundles that models must be routable to; nil leaves that open.
    package init(bundles: [Bundle]?) {
        registry = Registry(bundles: bundles ?? [])
        acceptsAnyAdapter = bundles == nil
    }

    /// Everything that is to be said about a file; no error means that the service takes it, after the files before.
    package mutating func findings(path: String, bytes: [UInt8]) -> [Annotation] {
        guard bytes.count <= Self.maximumBytes else {
            return [
                Annotation(
                    .error, "payload_too_large: the file has \(bytes.count) bytes, the limit is \(Self.maximumBytes)",
                    file: path)
            ]
        }
        let node: YAMLNode
        do {
            node = try YAMLNode(parsing: bytes)
        } catch {
            return [Annotation(.error, "parse_error: \(error.message)", file: path, mark: error.mark)]
        }
        guard let document = node.mapping else {
            return [
                Annotation(
                    .error, "parse_error: the file must be a YAML mapping, but is \(node.kindDescription)", file: path,
                    mark: node.mark)
            ]
        }
        let errors = errors(document, node, path: path)
        return errors + warnings(document, node, bytes, path: path)
    }

    private mutating func errors(_ document: YAMLMapping, _ node: YAMLNode, path: String) -> [Annotation] {
        let idMark = node.mark(ofPath: ["sie_id"])
        if let id = document["sie_id"]?.string, !id.isEmpty {
            guard ModelIdentifier.isValid(id) else {
                return [
                    Annotation(
                        .error,
                        "invalid_model_id: '\(id.prefix(200))' is no model id: letters, digits and '._/-', no '..', "
                            + "not ending in '/status'", file: path, mark: idMark)
                ]
            }
            guard ModelIdentifier.isStorable(id) else {
                return [
                    Annotation(
                        .error, "validation_error: sie_id must not contain '__', which stands for '/' in file names",
                        file: path, mark: idMark)
                ]
            }
        }
        if acceptsAnyAdapter, let model = try? ModelConfig(document) {
            acceptedAdapters += model.modules
            registry.replaceBundles([Bundle(id: "any", adapters: acceptedAdapters)])
        }
        do {
            registry.insert(try ModelAppend(document, to: registry, stored: nil).model)
            return []
        } catch {
            return error.annotations(in: node, path: path)
        }
    }

    private func warnings(
        _ document: YAMLMapping, _ node: YAMLNode, _ bytes: [UInt8], path: String
    ) -> [Annotation] {
        var warnings: [Annotation] = []
        var options = YAMLOptions()
        options.duplicateKeys = .reject
        do {
            _ = try YAMLNode(parsing: bytes, options: options)
        } catch {
            warnings.append(
                Annotation(.warning, "\(error.message): the last one counts", file: path, mark: error.mark))
        }
        for issue in ModelSchema.issues(in: node) {
            warnings.append(
                Annotation(
                    .warning, "workers refuse this: \(issue)", file: path, mark: node.mark(ofPath: issue.location)))
        }
        if let id = document["sie_id"]?.string, !id.isEmpty {
            let name = path.split(separator: "/").last.map(String.init) ?? path
            let expected = ModelIdentifier.fileName(of: id)
            if name != expected {
                warnings.append(
                    Annotation(.warning, "the model '\(id)' is expected in a file '\(expected)'", file: path))
            }
        }
        return warnings
    }
}

extension ModelAppend.Refusal {
    /// The refusal as errors at their places in a document.
    func annotations(in node: YAMLNode, path: String) -> [Annotation] {
        switch self {
        case .invalid(let issues):
            issues.map {
                Annotation(
                    .error, "validation_error: \($0.message)", file: path, mark: node.mark(ofPath: $0.location))
            }
        case .conflictingProfiles(let names):
            names.map {
                Annotation(
                    .error, "content_conflict: the profile '\($0)' is known with another content", file: path,
                    mark: node.mark(ofPath: ["profiles", $0]))
            }
        case .conflictingFields(let names):
            names.map {
                Annotation(
                    .error, "content_conflict: '\($0)' is known with another value", file: path,
                    mark: node.mark(ofPath: [$0]))
            }
        }
    }
}

extension YAMLNode {
    /// Where the field of a path stands in the text: its key, or what of the path there is.
    package func mark(ofPath path: [String]) -> YAMLMark {
        var node = self
        var mark = self.mark
        for key in path {
            guard let entry = node.mapping?.entries.first(where: { $0.key.string == key }) else { break }
            mark = entry.key.mark
            node = entry.value
        }
        return mark
    }
}

extension Annotation {
    /// A remark about a place in a file.
    init(_ level: Level, _ message: String, file: String, mark: YAMLMark) {
        self.init(level, message, file: file)
        if mark != .none { place = Place(line: mark.line, column: mark.column) }
    }
}
