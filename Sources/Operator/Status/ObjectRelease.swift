import Kubernetes
import Observability

/// The last step of every finalization: lets a deleted object go, and says why.
package struct ObjectRelease: Sendable {
    private let events: EventRecorder
    private let timeouts: Counter

    /// - Parameter timeouts: counts the objects that went before what they had brought about could be undone.
    package init(_ events: EventRecorder, timeouts: Counter) {
        self.events = events
        self.timeouts = timeouts
    }

    /// Takes the operator's finalizer away, if it is still there; nothing is told of an object that could not be let go.
    package func perform<Object: SIEResource>(
        on object: Object, in resources: Resources<Object>, _ note: some FinalizationNote, message: String
    ) async throws(KubernetesError) {
        if let patch = JSONPatch.removing(finalizer: Object.finalizer, from: object.metadata) {
            do throws(KubernetesError) {
                try await resources.patch(
                    object.metadata.name ?? "", patch, WriteOptions(fieldManager: SIEGroup.fieldManager))
            } catch {
                guard error.isNotFound else { throw error }
            }
        }
        if note == .finalizerTimeout { timeouts.increment() }
        events.record(
            object.reference, note.isWarning ? .warning : .normal, reason: note.rawValue, action: "Finalize",
            note: message)
    }
}
