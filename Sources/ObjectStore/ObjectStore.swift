/// Named byte strings in a bucket, each written as a whole: what S3, Google Cloud Storage and a directory have in common.
///
/// Keys are relative to the store's prefix and use `/`. Calls try again by themselves where that is safe.
public protocol ObjectStore: Sendable {
    /// Where the store is, as people write it, such as `s3://bucket/prefix`.
    var location: String { get }

    /// An object's bytes and version; nil where there is none.
    func get(_ key: String) async throws(ObjectStoreError) -> StoredObject?

    /// Writes an object as a whole.
    ///
    /// A put is repeated after a failure that leaves its outcome open. Where a repetition is refused because the object
    /// has changed, the store looks whether the change was its own.
    ///
    /// - Parameter condition: what must be so for the object to be written.
    /// - Returns: the version that was written.
    /// - Throws: `preconditionFailed` where the condition does not hold; the object is as it was.
    @discardableResult
    func put(
        _ key: String, _ bytes: [UInt8], contentType: String, if condition: PutCondition
    ) async throws(ObjectStoreError) -> ObjectVersion

    /// Removes an object; that there is none is no error.
    func delete(_ key: String) async throws(ObjectStoreError)

    /// The objects whose keys begin with `prefix`, by ascending code points of their keys.
    func list(_ prefix: String) async throws(ObjectStoreError) -> [ObjectSummary]
}

/// What must be so for an object to be written.
public enum PutCondition: Sendable, Hashable {
    /// Nothing: whatever is there is replaced.
    case always
    /// There is no such object.
    case absent
    /// The object is the one that was read or written with this version.
    case unchanged(ObjectVersion)
}

/// Tells one content of an object from every other: an entity tag, a generation number, or a digest. Opaque.
public struct ObjectVersion: Sendable, Hashable, CustomStringConvertible {
    public let text: String

    public init(_ text: String) { self.text = text }

    public var description: String { text }
}

/// An object as read.
public struct StoredObject: Sendable, Hashable {
    public var bytes: [UInt8]
    public var version: ObjectVersion

    public init(bytes: [UInt8], version: ObjectVersion) {
        self.bytes = bytes
        self.version = version
    }
}

/// An object as listed.
public struct ObjectSummary: Sendable, Hashable {
    public var key: String
    public var sizeBytes: Int
    public var version: ObjectVersion

    public init(key: String, sizeBytes: Int, version: ObjectVersion) {
        self.key = key
        self.sizeBytes = sizeBytes
        self.version = version
    }
}
