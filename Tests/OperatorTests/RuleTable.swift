import FoundationEssentials
import JSONStream
import Kubernetes
import TestSupport
import YAML

/// The objects of `Fixtures/operator/rules.yaml`, which may be written or not.
struct RuleTable: Decodable {
    struct Case: Decodable {
        private enum CodingKeys: String, CodingKey {
            case kind
            case sentence = "case"
            case name, spec, old, schema, rules
            case byOperator = "operator"
        }

        var kind: String
        var sentence: String
        var name: String?
        var spec: JSONValue?
        var old: JSONValue?
        /// The fields that API servers refuse by the schema.
        var schema: [String]?
        /// The messages of CEL rules.
        var rules: [String]?
        /// The messages of rules that only the operator knows.
        var byOperator: [String]?

        /// For messages of tests.
        var label: String { "\(kind), \(sentence)" }
        var isAcceptedByServers: Bool { schema == nil && rules == nil }
    }

    var bases: [String: JSONValue]
    var cases: [Case]

    static func load() throws -> RuleTable {
        try JSONValue(try YAMLNode(parsing: try Fixtures.text("operator/rules.yaml"))).decode()
    }

    /// The object that is to be written.
    func new(_ entry: Case) -> JSONValue { document(entry, entry.spec) }

    /// The object that it replaces.
    func old(_ entry: Case) -> JSONValue? { entry.old.map { document(entry, $0) } }

    private func document(_ entry: Case, _ patch: JSONValue?) -> JSONValue {
        let base = bases[entry.kind] ?? .object([])
        return [
            "apiVersion": "sie.dev/v1alpha1", "kind": .string(entry.kind),
            "metadata": ["name": .string(entry.name ?? "tenant-a")],
            "spec": MergePatch.apply(patch ?? .object([]), to: base),
        ]
    }
}
