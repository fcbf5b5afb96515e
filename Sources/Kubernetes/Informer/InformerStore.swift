/// What an informer knows, and what of it changes: a value.
public struct InformerStore<Object: KubernetesObject>: Sendable {
    public private(set) var objects: [ObjectKey: Object] = [:]

    public init() {}

    /// Takes a list as the whole collection.
    ///
    /// - Returns: what is new, what has another version, and what is gone, though nobody said when.
    public mutating func replace(with items: [Object]) -> [InformerEvent<Object>] {
        var events: [InformerEvent<Object>] = []
        var missing = objects
        for item in items {
            missing[item.key] = nil
            if let event = put(item) { events.append(event) }
        }
        for (key, object) in missing {
            objects[key] = nil
            events.append(.deleted(object, isMissed: true))
        }
        return events
    }

    /// Takes an event of a watch.
    ///
    /// - Returns: what it changes; nil where it tells what is known already.
    public mutating func apply(_ event: WatchEvent<Object>) -> InformerEvent<Object>? {
        switch event {
        case .added(let object), .modified(let object): put(object)
        case .deleted(let object):
            objects.removeValue(forKey: object.key).map { _ in .deleted(object, isMissed: false) }
        case .unreadable(let object): remove(object)
        case .bookmark, .initialEventsEnd, .failed: nil
        }
    }

    /// Forgets what was known of an object that cannot be read any more.
    public mutating func remove(_ object: UnreadableObject) -> InformerEvent<Object>? {
        let key = ObjectKey(namespace: object.metadata.namespace, name: object.metadata.name ?? "")
        return objects.removeValue(forKey: key).map { .deleted($0, isMissed: true) }
    }

    private mutating func put(_ object: Object) -> InformerEvent<Object>? {
        guard let known = objects.updateValue(object, forKey: object.key) else { return .added(object) }
        // Only equality of versions means anything.
        if let version = object.metadata.resourceVersion, version == known.metadata.resourceVersion { return nil }
        return .updated(from: known, to: object)
    }
}

/// What an informer tells, in order.
public enum InformerEvent<Object: KubernetesObject>: Sendable {
    case added(Object)
    case updated(from: Object, to: Object)
    /// Missed: the object went while nobody watched, or it cannot be read any more; this is how it was known last.
    case deleted(Object, isMissed: Bool)
    /// Everything that was there at the beginning has been told. Comes once.
    case synced

    /// The object that it is about, as it is now or was at last.
    public var object: Object? {
        switch self {
        case .added(let object), .updated(_, let object), .deleted(let object, _): object
        case .synced: nil
        }
    }
}
