import JSONStream
import Kubernetes

/// An object while it is reconciled: what its status says by now, and where the server has it. Every write is under the
/// version that it was decided for; a conflict ends the reconcile, which begins anew with what is there then.
struct WrittenObject<Object: SIEResource> {
    struct Change {
        var before: Object.Status?
        var after: Object.Status
    }

    private let resources: Resources<Object>
    private var metadata: ObjectMeta
    private(set) var status: Object.Status?

    init(_ object: Object, _ resources: Resources<Object>) {
        self.resources = resources
        metadata = object.metadata
        status = object.status
    }

    /// Writes a status, unless it is what is there.
    ///
    /// - Returns: what it changes; nil for nothing.
    @discardableResult
    mutating func write(_ new: Object.Status) async throws -> Change? {
        let before = status
        guard new != before else { return nil }
        let old = try before.map { try JSONValue(encoding: $0) } ?? .object([])
        let patch = MergePatch.difference(from: old, to: try JSONValue(encoding: new))
        let written = try await resources.mergeStatus(
            metadata.name ?? "", patch, resourceVersion: metadata.resourceVersion,
            WriteOptions(fieldManager: SIEGroup.fieldManager))
        metadata = written.metadata
        status = new
        return Change(before: before, after: new)
    }

    /// Makes the object stay when it is deleted, until its effects are dealt with.
    mutating func addFinalizer() async throws {
        guard let patch = JSONPatch.adding(finalizer: Object.finalizer, to: metadata) else { return }
        let options = WriteOptions(fieldManager: SIEGroup.fieldManager)
        metadata = try await resources.patch(metadata.name ?? "", patch, options).metadata
    }
}
