import JSONStream
import Kubernetes

/// An object while it is reconciled: what its status says by now, and where the server has it. Every write is under the
/// version that it was decided for; a conflict ends the reconcile, which begins anew with what is there then.
struct WrittenModel {
    struct Change {
        var before: SIEModel.Status?
        var after: SIEModel.Status
    }

    private let resources: Resources<SIEModel>
    private var metadata: ObjectMeta
    private(set) var status: SIEModel.Status?

    init(_ model: SIEModel, _ resources: Resources<SIEModel>) {
        self.resources = resources
        metadata = model.metadata
        status = model.status
    }

    /// Writes a status, unless it is what is there.
    ///
    /// - Returns: what it changes; nil for nothing.
    @discardableResult
    mutating func write(_ new: SIEModel.Status) async throws -> Change? {
        let before = status
        guard new != before else { return nil }
        let old = try before.map { try JSONValue(encoding: $0) } ?? .object([])
        let patch = MergePatch.difference(from: old, to: try JSONValue(encoding: new))
        let written = try await resources.mergeStatus(
            metadata.name ?? "", patch, resourceVersion: metadata.resourceVersion,
            WriteOptions(fieldManager: ModelReconciler.manager))
        metadata = written.metadata
        status = new
        return Change(before: before, after: new)
    }

    /// Makes the object stay when it is deleted, until its model is dealt with.
    mutating func addFinalizer() async throws {
        guard let patch = JSONPatch.adding(finalizer: SIEModel.finalizer, to: metadata) else { return }
        let options = WriteOptions(fieldManager: ModelReconciler.manager)
        metadata = try await resources.patch(metadata.name ?? "", patch, options).metadata
    }
}
