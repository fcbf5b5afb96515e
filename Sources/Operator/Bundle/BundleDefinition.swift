import Catalog
import Crypto
import JSONStream
import Kubernetes
import YAML

/// A bundle as the config service reads it: one file of the aggregated ConfigMap, in the format of the files that the
/// config service is shipped with.
package struct BundleDefinition: Sendable, Hashable {
    /// What a ConfigMap may hold is a mebibyte; this leaves room for what belongs to the object itself.
    package static let longestTotalBytes = 900 << 10

    package let name: String
    package let priority: Int
    package let isDefault: Bool
    package let adapters: [String]

    /// - Parameter isDefault: whether the bundle is the default one, which only the oldest of several can be.
    package init(name: String, priority: Int, isDefault: Bool, adapters: [String]) {
        self.name = name
        self.priority = priority
        self.isDefault = isDefault
        self.adapters = adapters
    }

    /// The file: the same text for the same definition.
    package var text: String {
        let document = YAMLNode.mapping([
            "name": .string(name), "priority": .integer(priority), "default": YAMLNode(.bool(isDefault)),
            "adapters": .sequence(adapters.map { .string($0) }),
        ])
        return YAMLEmitter().text(of: document)
    }

    /// 64 hexadecimal digits.
    package var sha256: String { Hexadecimal.text(of: SHA256.hash(data: Array(text.utf8))) }

    /// What the bundle's manager applies to the ConfigMap: its own file and no other one. Labels are no part of it, for
    /// fields with many owners stay when one of them goes.
    package func configMap(_ names: BundleNames) -> JSONValue {
        ["metadata": ["name": .string(names.configMap)], "data": [names.definitionKey: .string(text)]]
    }

    /// What the same manager applies to take the file away.
    package static func withdrawal(_ names: BundleNames) -> JSONValue {
        ["metadata": ["name": .string(names.configMap)]]
    }

    /// The adapters that a file names; nil for a text that is no definition.
    package static func adapters(in text: String) -> Set<String>? {
        guard let document = try? YAMLNode(parsing: text) else { return nil }
        return (try? Bundle(document, fallbackID: ""))?.modules
    }

    /// How large all files are with this one in place of the one that is there.
    package func totalBytes(in files: [String: String], _ names: BundleNames) -> Int {
        files.reduce(names.definitionKey.utf8.count + text.utf8.count) { total, file in
            file.key == names.definitionKey ? total : total + file.key.utf8.count + file.value.utf8.count
        }
    }
}

/// What the config service says of a bundle.
package enum BundleAdvertisement: Sendable, Hashable {
    /// It knows the bundle, or does not (nil).
    case answered(AdvertisedBundle?)
    /// It cannot be asked.
    case unavailable(String)

    /// Whether it serves this definition.
    package func matches(_ definition: BundleDefinition) -> Bool {
        guard case .answered(let bundle?) = self else { return false }
        return bundle.name == definition.name && bundle.priority == definition.priority
            && bundle.adapters == Set(definition.adapters)
    }
}

/// A bundle as the config service tells it (`GET /v1/configs/bundles/{id}`); it does not tell which one is the default.
package struct AdvertisedBundle: Sendable, Hashable {
    package var name: String
    /// Nil where the service has a number that no definition of the operator can have.
    package var priority: Int?
    package var adapters: Set<String>

    package init(name: String, priority: Int?, adapters: Set<String>) {
        self.name = name
        self.priority = priority
        self.adapters = adapters
    }

    /// - Throws: `CatalogError` for a document that is no bundle.
    package init(_ document: YAMLNode, named name: String) throws(CatalogError) {
        let bundle = try Bundle(document, fallbackID: name)
        var priority: Int?
        if case .integer(let number) = bundle.priority { priority = Int(number) }
        self.init(name: bundle.id, priority: priority, adapters: bundle.modules)
    }
}
