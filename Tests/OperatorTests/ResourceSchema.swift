import JSONStream

/// A part of an OpenAPI schema of a custom resource.
struct ResourceSchema {
    let node: JSONValue

    init(_ node: JSONValue) { self.node = node }

    var properties: [JSONMember] { node["properties"]?.objectValue ?? [] }
    var type: String? { node["type"]?.stringValue }
    var words: [String]? { node["enum"]?.arrayValue?.compactMap(\.stringValue) }

    /// Whether members beyond the properties are kept.
    var isOpen: Bool {
        node["x-kubernetes-preserve-unknown-fields"] == true || node["additionalProperties"] != nil
    }

    func property(_ name: String) -> ResourceSchema? { node["properties"]?[name].map { ResourceSchema($0) } }

    /// The part at a path; list elements are `[]` there.
    func part(at path: [String]) -> ResourceSchema? {
        path.reduce(self as ResourceSchema?) { schema, step in
            guard let schema else { return nil }
            return step == "[]" ? schema.node["items"].map { ResourceSchema($0) } : schema.property(step)
        }
    }

    /// A value with every property in it.
    ///
    /// - Parameter omitsDefaults: leaves out what servers would fill in.
    func sample(omitsDefaults: Bool = false) -> JSONValue {
        if let word = words?.last { return .string(word) }
        if node["x-kubernetes-int-or-string"] == true { return "25%" }
        switch type {
        case "string": return node["format"] == "date-time" ? "2026-01-02T03:04:05Z" : "text"
        case "integer": return 7
        case "boolean": return true
        case "array":
            return .array([ResourceSchema(node["items"] ?? .null).sample(omitsDefaults: omitsDefaults)])
        default:
            if let values = node["additionalProperties"] {
                return ["key": ResourceSchema(values).sample(omitsDefaults: omitsDefaults)]
            }
            if isOpen { return ["any": ["thing", 1, 2.5, nil]] }
            return .object(
                properties.compactMap { property in
                    if omitsDefaults, property.value["default"] != nil { return nil }
                    return JSONMember(
                        property.key, ResourceSchema(property.value).sample(omitsDefaults: omitsDefaults))
                })
        }
    }

    /// The value with what servers fill in, from the outside to the inside.
    func fillingDefaults(in value: JSONValue) -> JSONValue {
        switch value {
        case .object(var members):
            for property in properties {
                let schema = ResourceSchema(property.value)
                if let position = members.firstIndex(where: { $0.key == property.key }) {
                    members[position].value = schema.fillingDefaults(in: members[position].value)
                } else if let filling = property.value["default"] {
                    members.append(JSONMember(property.key, schema.fillingDefaults(in: filling)))
                }
            }
            return .object(members)
        case .array(let elements):
            let schema = ResourceSchema(node["items"] ?? .null)
            return .array(elements.map { schema.fillingDefaults(in: $0) })
        default: return value
        }
    }

    /// This part and all parts of it, with their paths.
    func walk(_ path: [String] = [], _ body: ([String], ResourceSchema) -> Void) {
        body(path, self)
        for property in properties { ResourceSchema(property.value).walk(path + [property.key], body) }
        if let items = node["items"] { ResourceSchema(items).walk(path + ["[]"], body) }
    }

    /// The CEL rules of this part and of all parts of it.
    var ruleMessages: Set<String> {
        var messages: Set<String> = []
        walk { _, schema in
            for rule in schema.node["x-kubernetes-validations"]?.arrayValue ?? [] {
                if let message = rule["message"]?.stringValue { messages.insert(message) }
            }
        }
        return messages
    }
}
