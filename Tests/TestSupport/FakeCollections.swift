import JSONStream

/// What a fake API server keeps of all its objects: versions, the log of changes, and what it has forgotten. A value.
struct FakeCollections: Sendable {
    struct Change: Sendable {
        var version: Int
        /// The collection's path for all namespaces, and the namespace.
        var place: Place
        var type: String
        var object: JSONValue
    }

    /// `/api/v1/configmaps` and the namespace, nil for all of them.
    struct Place: Sendable, Hashable {
        var collection: String
        var namespace: String?
    }

    /// An answer that says no, as the real server words it.
    struct Refusal: Error {
        var code: Int
        var reason: String
        var message: String

        var status: JSONValue {
            [
                "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure",
                "message": .string(message), "reason": .string(reason), "code": .int(Int64(code)),
            ]
        }
    }

    private(set) var version = 1000
    private(set) var log: [Change] = []
    /// Versions before it are forgotten.
    private(set) var oldest = 0
    private var objects: [Place: [String: JSONValue]] = [:]
    private var lastUID = 0

    /// Forgets all versions until now.
    mutating func compact() {
        version += 1
        oldest = version
        log = []
    }

    // MARK: Reading

    func get(_ place: Place, _ name: String) throws(Refusal) -> JSONValue {
        guard let object = objects[place]?[name] else {
            throw Refusal(code: 404, reason: "NotFound", message: "\(place.collection) \"\(name)\" not found")
        }
        return object
    }

    /// One page, by names.
    func list(_ place: Place, selector: String?, limit: Int?, after: String?) throws(Refusal) -> JSONValue {
        var start: String?
        var listVersion = version
        if let after {
            let parts = after.split(separator: "@", maxSplits: 1)
            listVersion = parts.first.flatMap { Int($0) } ?? 0
            guard listVersion >= oldest else {
                throw Refusal(code: 410, reason: "Expired", message: "The provided continue parameter is too old")
            }
            start = parts.last.map(String.init)
        }
        let all = objects.filter { Self.contains(place, $0.key) }
            .flatMap { key, objects in objects.map { ("\(key.namespace ?? "")/\($0)", $1) } }
            .filter { Self.matches($0.1, selector) }.sorted { $0.0 < $1.0 }
            .filter { name, _ in start.map { name > $0 } ?? true }
        let page = all.prefix(limit ?? .max)
        var metadata: [JSONMember] = [JSONMember("resourceVersion", .string("\(listVersion)"))]
        if page.count < all.count, let last = page.last {
            metadata.append(JSONMember("continue", .string("\(listVersion)@\(last.0)")))
        }
        return [
            "kind": "List", "apiVersion": "v1", "metadata": .object(metadata),
            "items": page.isEmpty ? .null : .array(page.map(\.1)),
        ]
    }

    /// What happened after a version.
    func changes(_ place: Place, selector: String?, after version: Int) throws(Refusal) -> [Change] {
        guard version >= oldest else {
            throw Refusal(code: 410, reason: "Expired", message: "too old resource version: \(version) (\(oldest))")
        }
        return log.filter {
            $0.version > version && Self.contains(place, $0.place) && Self.matches($0.object, selector)
        }
    }

    static func contains(_ place: Place, _ other: Place) -> Bool {
        place.collection == other.collection && (place.namespace == nil || place.namespace == other.namespace)
    }

    /// Selectors of the form `a=b,c`: a label with a value, and one with any.
    static func matches(_ object: JSONValue, _ selector: String?) -> Bool {
        (selector ?? "").split(separator: ",").allSatisfy { part in
            let pair = part.split(separator: "=")
            let label = object["metadata"]?["labels"]?[String(pair.first ?? "")]?.stringValue
            return pair.count == 1 ? label != nil : pair.count == 2 && label == String(pair[1])
        }
    }

    // MARK: Writing

    mutating func create(_ place: Place, _ object: JSONValue) throws(Refusal) -> JSONValue {
        guard let name = object["metadata"]?["name"]?.stringValue, !name.isEmpty else {
            throw Refusal(code: 422, reason: "Invalid", message: "name or generateName is required")
        }
        if objects[place]?[name] != nil {
            throw Refusal(code: 409, reason: "AlreadyExists", message: "\(place.collection) \"\(name)\" already exists")
        }
        lastUID += 1
        let uid = JSONValue.string("uid-\(lastUID)")
        return keep(place, name, object, uid: uid, "ADDED")
    }

    mutating func replace(_ place: Place, _ name: String, _ object: JSONValue) throws(Refusal) -> JSONValue {
        let known = try get(place, name)
        try check(object["metadata"]?["resourceVersion"], of: known, name)
        return keep(place, name, object, uid: known["metadata"]?["uid"] ?? .null, "MODIFIED")
    }

    /// - Parameter merge: makes the new object of the old one.
    mutating func patch(
        _ place: Place, _ name: String, _ patch: JSONValue, merge: (JSONValue, JSONValue) -> JSONValue
    ) throws(Refusal) -> JSONValue {
        let known = try get(place, name)
        try check(patch["metadata"]?["resourceVersion"], of: known, name)
        return keep(place, name, merge(patch, known), uid: known["metadata"]?["uid"] ?? .null, "MODIFIED")
    }

    mutating func delete(_ place: Place, _ name: String, _ options: JSONValue) throws(Refusal) {
        let known = try get(place, name)
        let preconditions = options["preconditions"]
        try check(preconditions?["resourceVersion"], of: known, name)
        if let uid = preconditions?["uid"], uid != known["metadata"]?["uid"] {
            throw Refusal(code: 409, reason: "Conflict", message: "the UID in the precondition does not match")
        }
        objects[place]?[name] = nil
        version += 1
        log.append(Change(version: version, place: place, type: "DELETED", object: Self.stamp(known, version)))
    }

    private func check(_ expected: JSONValue?, of known: JSONValue, _ name: String) throws(Refusal) {
        guard let expected, !expected.isNull, expected != known["metadata"]?["resourceVersion"] else { return }
        throw Refusal(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \"\(name)\": the object has been modified")
    }

    mutating func keep(
        _ place: Place, _ name: String, _ object: JSONValue, uid: JSONValue, _ type: String
    ) -> JSONValue {
        version += 1
        var object = Self.set(object, "metadata", Self.set(object["metadata"] ?? [:], "uid", uid))
        if let namespace = place.namespace {
            object = Self.set(object, "metadata", Self.set(object["metadata"] ?? [:], "namespace", .string(namespace)))
        }
        object = Self.stamp(object, version)
        objects[place, default: [:]][name] = object
        log.append(Change(version: version, place: place, type: type, object: object))
        return object
    }

    private static func stamp(_ object: JSONValue, _ version: Int) -> JSONValue {
        set(object, "metadata", set(object["metadata"] ?? [:], "resourceVersion", .string("\(version)")))
    }

    private static func set(_ object: JSONValue, _ key: String, _ value: JSONValue) -> JSONValue {
        .object((object.objectValue ?? []).filter { $0.key != key } + [JSONMember(key, value)])
    }
}
