import Crypto
import JSONStream
import Kubernetes

/// An object that the operator keeps as it wants it: applied when what is wanted changes and when somebody else has changed
/// it, and left alone otherwise.
///
/// Both are seen from the object itself. An annotation has the digest of what was applied last, and whatever was applied
/// must still be there: the server adds defaults and other writers add fields of their own, which is none of our concern.
package struct OwnedDocument: Sendable, Hashable {
    /// The digest of what was applied, 64 hexadecimal digits.
    package static let digestAnnotation = "\(SIEGroup.name)/applied-sha256"

    package let name: String
    /// Without `apiVersion` and `kind`, which come with the place where it goes; with the annotation.
    package let document: JSONValue
    package let digest: String

    /// - Parameter document: with `metadata.name`; the spec as it is wanted.
    package init(name: String, _ document: JSONValue) {
        self.name = name
        let digest = Hexadecimal.text(of: SHA256.hash(data: CanonicalJSON.bytes(of: document)))
        self.digest = digest
        self.document = MergePatch.apply(
            ["metadata": ["annotations": [Self.digestAnnotation: .string(digest)]]], to: document)
    }

    /// The same with other fields laid over it, under the digest of what is wanted in the long run.
    package func with(_ patch: JSONValue) -> JSONValue { MergePatch.apply(patch, to: document) }

    /// Why the object has to be applied; nil where it is as it should be.
    package enum Cause: Sendable, Hashable {
        case absent
        /// Something else is wanted than before.
        case changed
        /// Somebody else has changed this field, the first of all that are different.
        case drifted(field: String)
    }

    package func cause(live: JSONValue?) -> Cause? {
        guard let live else { return .absent }
        let applied = live["metadata"]?["annotations"]?[Self.digestAnnotation]?.stringValue
        guard applied == digest else { return .changed }
        return Self.difference(document, live, at: "").map { .drifted(field: $0) }
    }

    // MARK: Comparing

    /// What the server writes in its own way: `0.5` becomes `500m`.
    private static let amountFields: Set<String> = ["requests", "limits", "sizeLimit"]

    /// The first field of `wanted` that `live` does not have.
    package static func difference(
        _ wanted: JSONValue, _ live: JSONValue?, at path: String, isAmount: Bool = false
    ) -> String? {
        switch (wanted, live) {
        case (.object(let members), .object?):
            for member in members {
                let place = path.isEmpty ? member.key : "\(path).\(member.key)"
                let isAmount = isAmount || amountFields.contains(member.key)
                if let field = difference(member.value, live?[member.key], at: place, isAmount: isAmount) {
                    return field
                }
            }
            return nil
        // The server leaves out what is empty, and most of what is zero.
        case (_, nil): return isEmpty(wanted) ? nil : path
        case (.array(let wanted), .array(let live)?):
            // Others may add elements of their own, at any place; whoever removes one of ours is caught here.
            for (index, element) in wanted.enumerated()
            where !live.contains(where: { difference(element, $0, at: "") == nil }) {
                return "\(path)[\(index)]"
            }
            return nil
        default: return isSame(wanted, live, isAmount: isAmount) ? nil : path
        }
    }

    private static func isEmpty(_ value: JSONValue) -> Bool {
        switch value {
        case .object(let members): members.isEmpty
        case .array(let elements): elements.isEmpty
        case .string(let text): text.isEmpty
        case .bool(let flag): !flag
        case .int(let number): number == 0
        case .uint, .double: false
        case .null: true
        }
    }

    private static func isSame(_ wanted: JSONValue, _ live: JSONValue?, isAmount: Bool) -> Bool {
        guard let live else { return false }
        if wanted == live { return true }
        guard isAmount, let left = amount(wanted), let right = amount(live) else { return false }
        return left == right
    }

    private static func amount(_ value: JSONValue) -> Double? {
        value.stringValue.flatMap { Quantity.value(of: $0) } ?? value.doubleValue
    }
}

extension JSONValue {
    /// An object of those members that have a value. JSON's null is one, which takes a field away in a patch.
    static func members(_ members: KeyValuePairs<String, JSONValue?>) -> JSONValue {
        .object(members.compactMap { key, value in value.map { JSONMember(key, $0) } })
    }

    /// Texts by name, sorted, so that equal dictionaries are equal documents.
    static func texts(_ texts: [String: String]) -> JSONValue {
        .object(
            texts.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map {
                JSONMember($0.key, .string($0.value))
            })
    }
}
