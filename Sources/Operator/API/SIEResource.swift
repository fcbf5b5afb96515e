import JSONStream
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

    init(metadata: ObjectMeta, spec: Parsed<Spec>, status: Status?)

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

private enum SIEResourceKeys: String, CodingKey {
    case metadata, spec, status
}

extension SIEResource {
    package init(metadata: ObjectMeta = ObjectMeta(), spec: Spec, status: Status? = nil) {
        self.init(metadata: metadata, spec: .value(spec), status: status)
    }

    /// A status that cannot be read is none: the operator writes it anew.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: SIEResourceKeys.self)
        self.init(
            metadata: try container.decode(ObjectMeta.self, forKey: .metadata),
            spec: try container.decode(.spec, default: .unreadable(.null, reason: "spec is missing")),
            status: try? container.decodeIfPresent(Status.self, forKey: .status))
    }

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
