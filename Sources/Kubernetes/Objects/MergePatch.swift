import JSONStream

/// JSON merge patches (RFC 7386): objects are merged, null removes, everything else replaces.
public enum MergePatch {
    /// The patch that turns one value into the other. Arrays are replaced as wholes.
    ///
    /// A null inside of `target` cannot be said by a merge patch, and removes.
    public static func difference(from source: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let old) = source, case .object(let new) = target else { return target }
        let before = Dictionary(old.map { ($0.key, $0.value) }) { _, last in last }
        let after = Dictionary(new.map { ($0.key, $0.value) }) { _, last in last }
        var members: [JSONMember] = []
        for member in old where after[member.key] == nil { members.append(JSONMember(member.key, .null)) }
        for member in new {
            guard let value = before[member.key] else {
                members.append(member)
                continue
            }
            if value.isSame(as: member.value) { continue }
            members.append(JSONMember(member.key, difference(from: value, to: member.value)))
        }
        return .object(members)
    }

    /// The value with the patch applied.
    public static func apply(_ patch: JSONValue, to target: JSONValue) -> JSONValue {
        guard case .object(let changes) = patch else { return patch }
        var members: [JSONMember] = []
        if case .object(let existing) = target { members = existing }
        for change in changes {
            let position = members.firstIndex { $0.key == change.key }
            if change.value.isNull {
                if let position { members.remove(at: position) }
            } else if let position {
                members[position].value = apply(change.value, to: members[position].value)
            } else {
                members.append(JSONMember(change.key, apply(change.value, to: .object([]))))
            }
        }
        return .object(members)
    }
}

extension JSONValue {
    /// Whether two values mean the same, whatever the order of members.
    func isSame(as other: JSONValue) -> Bool {
        switch (self, other) {
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            let members = Dictionary(right.map { ($0.key, $0.value) }) { _, last in last }
            return left.allSatisfy { member in members[member.key].map { member.value.isSame(as: $0) } ?? false }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.isSame(as: $1) }
        default:
            return self == other
        }
    }
}
