import FoundationEssentials
import JSONStream
import TestSupport
import YAML

/// The files of `crds/`.
enum CustomResourceDefinitions {
    /// The definitions as they are written, by kind.
    static let texts: [String: String] = {
        let names = ["SIEBundle": "siebundles", "SIEModel": "siemodels", "SIEPool": "siepools"]
        return names.compactMapValues { name in
            let file = Fixtures.repository.appending(path: "crds/sie.dev_\(name).yaml")
            return (try? Data(contentsOf: file)).map { String(decoding: $0, as: UTF8.self) }
        }
    }()

    /// The definition of a kind.
    static func definition(of kind: String) throws -> JSONValue {
        try JSONValue(try YAMLNode(parsing: texts[kind] ?? ""))
    }

    /// The schema of a kind's only version.
    static func schema(of kind: String) throws -> ResourceSchema {
        let version = try definition(of: kind)["spec"]?["versions"]?.arrayValue?.first
        return ResourceSchema(version?["schema"]?["openAPIV3Schema"] ?? .null)
    }
}
