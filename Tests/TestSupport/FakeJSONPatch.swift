import JSONStream

/// JSON patches as an API server applies them (RFC 6902): all of one, or nothing where a test fails.
enum FakeJSONPatch {
    /// - Parameter patch: the list of operations.
    static func apply(_ patch: JSONValue, to object: JSONValue) throws(FakeCollections.Refusal) -> JSONValue {
        var result = object
        for operation in patch.arrayValue ?? [] {
            let path = (operation["path"]?.stringValue ?? "").split(separator: "/").map(unescape)
            let value = operation["value"] ?? .null
            switch operation["op"]?.stringValue {
            case "test":
                guard find(path, in: result) == value else {
                    throw refusal("testing value \(operation["path"]?.stringValue ?? "") failed")
                }
            case "add", "replace": result = try set(path, value, in: result)
            case "remove": result = try set(path, nil, in: result)
            default: throw refusal("an operation that is none")
            }
        }
        return result
    }

    private static func refusal(_ message: String) -> FakeCollections.Refusal {
        .init(code: 422, reason: "Invalid", message: message)
    }

    private static func unescape(_ part: Substring) -> String {
        String(part).replacing("~1", with: "/").replacing("~0", with: "~")
    }

    private static func find(_ path: [String], in value: JSONValue) -> JSONValue? {
        var place: JSONValue? = value
        for part in path {
            switch place {
            case .array(let elements)?:
                guard let index = Int(part), elements.indices.contains(index) else { return nil }
                place = elements[index]
            default: place = place?[part]
            }
        }
        return place
    }

    /// - Parameter new: nil removes.
    private static func set(
        _ path: [String], _ new: JSONValue?, in value: JSONValue
    ) throws(FakeCollections.Refusal) -> JSONValue {
        guard let part = path.first else { return new ?? .null }
        let rest = Array(path.dropFirst())
        switch value {
        case .array(var elements):
            if part == "-", rest.isEmpty, let new {
                elements.append(new)
                return .array(elements)
            }
            guard let index = Int(part), elements.indices.contains(index) else {
                throw refusal("there is no element \(part)")
            }
            if rest.isEmpty, new == nil {
                elements.remove(at: index)
            } else {
                elements[index] = try set(rest, new, in: elements[index])
            }
            return .array(elements)
        default:
            var members = value.objectValue ?? []
            let position = members.firstIndex { $0.key == part }
            if rest.isEmpty, new == nil {
                guard let position else { throw refusal("there is no \(part)") }
                members.remove(at: position)
            } else {
                let old = position.map { members[$0].value } ?? .object([])
                let changed = try set(rest, new, in: old)
                if let position {
                    members[position].value = changed
                } else {
                    members.append(JSONMember(part, changed))
                }
            }
            return .object(members)
        }
    }
}
