import JSONStream

/// One thing that a watch tells.
public enum WatchEvent<Object: KubernetesObject>: Sendable {
    case added(Object)
    case modified(Object)
    /// The object as it was at last, with the version of its deletion.
    case deleted(Object)
    /// Nothing happened until this version.
    case bookmark(resourceVersion: String)
    /// What was there at the beginning has been told, as it was at this version; where the watch was to tell it.
    case initialEventsEnd(resourceVersion: String)
    /// The watch cannot go on; with ``StatusError/Reason/expired``, list anew.
    case failed(StatusError)
    /// An object changed, or went, that its type cannot read.
    case unreadable(UnreadableObject)

    /// What the watch goes on from after this event.
    public var resourceVersion: String? {
        switch self {
        case .added(let object), .modified(let object), .deleted(let object): object.metadata.resourceVersion
        case .bookmark(let version), .initialEventsEnd(let version): version
        case .failed: nil
        case .unreadable(let object): object.metadata.resourceVersion
        }
    }

    /// A line of a watch that is no event.
    struct Malformed: Error, CustomStringConvertible {
        var description: String
    }

    /// Reads a line of a watch.
    init(line: ArraySlice<UInt8>) throws {
        let (type, object) = try line.withUnsafeBytes { bytes in
            Result { () throws in try Self.parts(of: bytes) }
        }.get()
        switch type {
        case "BOOKMARK":
            guard let version = object["metadata"]?["resourceVersion"]?.stringValue, !version.isEmpty else {
                throw Malformed(description: "a bookmark without version")
            }
            let isEnd = object["metadata"]?["annotations"]?["k8s.io/initial-events-end"] == "true"
            self = isEnd ? .initialEventsEnd(resourceVersion: version) : .bookmark(resourceVersion: version)
        case "ERROR":
            let status = (try? object.decode(Status.self)) ?? Status(message: "an ERROR event without a Status")
            self = .failed(StatusError(status, code: 500))
        case "ADDED", "MODIFIED", "DELETED":
            do {
                let object = try object.decode(Object.self)
                self = type == "ADDED" ? .added(object) : type == "MODIFIED" ? .modified(object) : .deleted(object)
            } catch {
                self = .unreadable(UnreadableObject(object, error))
            }
        default: throw Malformed(description: "an event of type '\(type.prefix(40))'")
        }
    }

    private static func parts(of line: UnsafeRawBufferPointer) throws -> (type: String, object: JSONValue) {
        var reader = JSONReader(line)
        var type: String?
        var object: JSONValue?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "type": type = try reader.readValue().stringValue
            case "object": object = try reader.readDocument(of: Object.self)
            default: try reader.skip()
            }
        }
        try reader.expectEnd()
        guard let type, let object else { throw Malformed(description: "an event without type or object") }
        return (type, object)
    }
}
