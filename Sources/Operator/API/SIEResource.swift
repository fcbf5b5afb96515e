import Kubernetes

/// A custom resource of the product: a spec that people write and a status that the operator writes.
package protocol SIEResource: KubernetesResource, Hashable {
    associatedtype Spec: SIESpec
    associatedtype Status: SIEStatus

    /// What is wanted, if it can be read.
    var spec: Parsed<Spec> { get set }
    /// Nil where there is none or it cannot be read. Servers give new objects one whose `observedGeneration` is -1.
    var status: Status? { get set }

    /// What keeps a deleted object until its effects outside of it are undone.
    static var finalizer: String { get }

    /// The rules of ``issues(replacing:)`` for a spec that can be read.
    func ruleIssues(_ spec: Spec, replacing old: Spec?) -> [SpecIssue]
}

/// What all specs have in common.
package protocol SIESpec: Codable, Sendable, Hashable {
    /// Whether the operator leaves the object alone.
    var suspend: Bool { get }
}

/// What all status have in common.
package protocol SIEStatus: Codable, Sendable, Hashable {
    /// The generation whose outcome the status tells; it is written together with that outcome, never before.
    var observedGeneration: Int? { get set }
    var conditions: Conditions { get set }
    /// The value of the annotation that asked for the last reconcile.
    var lastHandledReconcileAt: String? { get set }

    init()
}

extension SIEResource {
    /// Whether the operator leaves the object alone, by its spec or by the annotation for incidents.
    package var isSuspended: Bool {
        metadata.annotations[SIEGroup.pausedAnnotation] == "true" || spec.value?.suspend == true
    }

    /// Whether somebody deleted the object and only finalizers hold it up.
    package var isTerminating: Bool { metadata.deletionTimestamp != nil }

    /// Whether finalizers must go without undoing anything.
    package var mustForceFinalize: Bool { metadata.annotations[SIEGroup.forceFinalizeAnnotation] == "true" }

    /// Whether somebody asked for a reconcile that the status does not know of yet.
    package var isReconcileRequested: Bool {
        guard let request = metadata.annotations[SIEGroup.reconcileAtAnnotation] else { return false }
        return request != status?.lastHandledReconcileAt
    }

    /// Whether the status tells the outcome of the current spec.
    package var isObserved: Bool { status?.observedGeneration == metadata.generation }
}
