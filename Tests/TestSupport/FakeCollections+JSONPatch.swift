import JSONStream

extension FakeCollections {
    /// Changes an object by a JSON patch (RFC 6902): all of it, or nothing. A deleted object goes with its last finalizer.
    mutating func patch(_ place: Place, _ name: String, operations: [JSONValue]) throws(Refusal) -> JSONValue {
        let known = try get(place, name)
        var document = known
        for operation in operations {
            let path = (operation["path"]?.stringValue ?? "").split(separator: "/").map(Self.unescape)
            document =
                try Self.change(
                    document, path[...], operation["op"]?.stringValue ?? "", operation["value"] ?? .null) ?? .null
        }
        let changed = keep(place, name, document, uid: known["metadata"]?["uid"] ?? .null, "MODIFIED")
        let isDeleted = changed["metadata"]?["deletionTimestamp"].map { !$0.isNull } ?? false
        if isDeleted, changed["metadata"]?["finalizers"]?.arrayValue?.isEmpty ?? true {
            try delete(place, name, [:])
        }
        return changed
    }

    /// What is at a place after an operation; nil for nothing.
    private static func change(
        _ target: JSONValue?, _ path: ArraySlice<String>, _ operation: String, _ value: JSONValue
    ) throws(Refusal) -> JSONValue? {
        guard let key = path.first else {
            if operation == "add" { return value }
            guard let target else { throw refusal("there is nothing") }
            switch operation {
            case "replace": return value
            case "remove": return nil
            default:
                guard target == value else { throw refusal("the test failed") }
                return target
            }
        }
        let rest = path.dropFirst()
        switch target {
        case .object(var members)?:
            let position = members.firstIndex { $0.key == key }
            let changed = try change(position.map { members[$0].value }, rest, operation, value)
            if let position { members.remove(at: position) }
            if let changed { members.append(JSONMember(key, changed)) }
            return .object(members)
        case .array(var elements)?:
            let index = key == "-" ? elements.count : Int(key) ?? -1
            if rest.isEmpty, operation == "add", (0...elements.count).contains(index) {
                elements.insert(value, at: index)
                return .array(elements)
            }
            guard elements.indices.contains(index) else { throw refusal("there is no element \(key)") }
            let changed = try change(elements[index], rest, operation, value)
            elements.replaceSubrange(index...index, with: changed.map { [$0] } ?? [])
            return .array(elements)
        default: throw refusal("there is no \(key)")
        }
    }

    private static func unescape(_ part: Substring) -> String {
        part.split(separator: "~1", omittingEmptySubsequences: false).joined(separator: "/")
            .split(separator: "~0", omittingEmptySubsequences: false).joined(separator: "~")
    }

    private static func refusal(_ reason: String) -> Refusal {
        Refusal(code: 422, reason: "Invalid", message: "the server rejected our request: \(reason)")
    }
}
