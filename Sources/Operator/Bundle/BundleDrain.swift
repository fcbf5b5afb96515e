import JSONStream
import Kubernetes

/// What is left to do for a bundle whose object was deleted: as ``BundlePlan``, a function of one look, so that it goes on
/// after a crash wherever it was.
///
/// The order is the reverse of how a bundle comes: KEDA is held still, the queue may empty, the workers go, then the
/// definition that gateways route by, then the object.
package enum BundleDrain: Sendable, Hashable {
    /// What people are told of the end.
    package enum Note: String, FinalizationNote, CaseIterable {
        case finalized = "Finalized"
        /// The objects stay, as the bundle asked for.
        case workersRetained = "WorkersRetained"
        /// It took too long; something may be left behind.
        case finalizerTimeout = "FinalizerTimeout"
        case finalizerForced = "FinalizerForced"
    }

    /// Nothing of ours holds the object.
    case done
    /// Do this, then look again.
    case act([BundleAction], message: String)
    /// Look again later: something is on its way.
    case wait(message: String, seconds: Int, warning: String? = nil)
    /// Take the finalizer away, and tell why.
    case release(Note, message: String)

    /// How long a drain may take beyond the workers' own time, unless somebody has set another time.
    package static let deadlineSeconds: Int64 = 600
    /// After how long KEDA, which has to let a ScaledObject go, counts as not running.
    package static let longestKEDA: Int64 = 120

    /// - Parameters:
    ///   - objects: made of the bundle; nil where its spec cannot be read, and there is nothing to find.
    ///   - deadlineSeconds: how long it may take beyond the workers' own time.
    package static func next(
        for bundle: SIEBundle, objects: WorkerObjects?, observed: BundleObservation,
        deadlineSeconds: Int64 = deadlineSeconds, now: Timestamp
    ) -> BundleDrain {
        guard bundle.metadata.finalizers.contains(SIEBundle.finalizer) else { return .done }
        if bundle.mustForceFinalize {
            return .release(.finalizerForced, message: "\(SIEGroup.forceFinalizeAnnotation) is set")
        }
        guard let spec = bundle.spec.value, let objects else {
            return .release(.finalizerForced, message: "the spec cannot be read, so nothing of the bundle is found")
        }
        let since = bundle.metadata.deletionTimestamp?.secondsSince1970 ?? now.secondsSince1970
        let age = now.secondsSince1970 - since
        let grace = Int64((spec.workerGroups ?? []).map(\.terminationGracePeriodSeconds).max() ?? 0)
        let owned = OwnedObjects(observed, of: bundle)
        if age >= deadlineSeconds + grace {
            return .release(.finalizerTimeout, message: "not drained within \(deadlineSeconds + grace) s")
        }
        if spec.deletionPolicy == .orphan {
            return owned.disowning.isEmpty
                ? .release(.workersRetained, message: "the workers stay (deletionPolicy Orphan)")
                : .act(owned.disowning, message: "the workers are handed over")
        }
        if let step = stopScaling(owned, observed, age: age, grace: grace) { return step }
        if let step = stopWorkers(owned) { return step }
        return withdraw(objects, observed)
    }

    // MARK: Steps

    private static func stopScaling(
        _ owned: OwnedObjects, _ observed: BundleObservation, age: Int64, grace: Int64
    ) -> BundleDrain? {
        let scaled = owned[.scaledObject]
        if scaled.isEmpty { return nil }
        let running = scaled.filter { !ScaledObjectState($0.object).isPaused && !isTerminating($0.object) }
        if !running.isEmpty {
            return .act(running.map { .pause(name: $0.name) }, message: "KEDA is told to leave the workers alone")
        }
        if let items = observed.queuedItems, items > 0, age < grace {
            return .wait(message: "\(items) items wait for the workers", seconds: 2)
        }
        let kept = scaled.filter { !isTerminating($0.object) }
        if !kept.isEmpty {
            return .act(
                kept.map { .delete(.scaledObject, name: $0.name, uid: BundlePlan.uid($0.object), orphans: false) },
                message: "the ScaledObjects are deleted")
        }
        let names = scaled.map(\.name).joined(separator: ", ")
        let isBlocked = age > longestKEDA + grace
        return .wait(
            message: isBlocked
                ? "KEDAFinalizerBlocked: KEDA does not let \(names) go (\(ScaledObject.finalizer))"
                : "KEDA lets \(names) go", seconds: isBlocked ? 15 : 2,
            warning: isBlocked ? "KEDAFinalizerBlocked" : nil)
    }

    private static func stopWorkers(_ owned: OwnedObjects) -> BundleDrain? {
        let sets = owned[.statefulSet]
        let working = sets.filter { WorkerSetState($0.object).wanted > 0 && !isTerminating($0.object) }
        if !working.isEmpty {
            return .act(working.map { .scale(name: $0.name, 0) }, message: "the workers are sent home")
        }
        // Pods that were never ready are not waited for.
        let ready = sets.reduce(0) { $0 + WorkerSetState($1.object).ready }
        if ready > 0 { return .wait(message: "\(ready) workers finish what they have", seconds: 2) }
        let rest = [BundleObject.statefulSet, .disruptionBudget, .daemonSet, .service].flatMap { kind in
            owned[kind].filter { !isTerminating($0.object) }.map { name, object in
                BundleAction.delete(kind, name: name, uid: BundlePlan.uid(object), orphans: false)
            }
        }
        return rest.isEmpty ? nil : .act(rest, message: "the workers' objects are deleted")
    }

    /// Without workers nobody needs the definition any more.
    private static func withdraw(_ objects: WorkerObjects, _ observed: BundleObservation) -> BundleDrain {
        let names = objects.names
        let managed = observed.configMap.map { ManagedFields(of: $0) }
        let isOurs = managed?.isApplied(["data", names.definitionKey], by: names.definitionManager) ?? false
        guard isOurs else { return .release(.finalized, message: "the bundle's workers and its definition are gone") }
        return .act(
            [.withdraw(BundleDefinition.withdrawal(names), manager: names.definitionManager)],
            message: "the definition is withdrawn")
    }

    private static func isTerminating(_ object: JSONValue) -> Bool {
        object["metadata"]?["deletionTimestamp"] != nil
    }

    /// Whether an object is to have the finalizer while it lives: its file in the ConfigMap of all goes in no other way.
    package static func wantsFinalizer(_ bundle: SIEBundle) -> Bool { bundle.spec.value != nil }
}

/// What of a look is the bundle's, by kinds and names.
private struct OwnedObjects {
    private let objects: [BundleObject: [(name: String, object: JSONValue)]]

    init(_ observed: BundleObservation, of bundle: SIEBundle) {
        objects = observed.objects.mapValues { named in
            named.sorted { $0.key < $1.key }.filter { BundlePlan.isOwned($0.value, by: bundle) }
                .map { (name: $0.key, object: $0.value) }
        }
    }

    subscript(kind: BundleObject) -> [(name: String, object: JSONValue)] { objects[kind] ?? [] }

    /// Takes our mark from everything that bears it: without it, nobody collects an object when its owner goes.
    var disowning: [BundleAction] {
        BundleObject.allCases.flatMap { kind in
            self[kind].compactMap { name, object in
                guard let references = object["metadata"]?["ownerReferences"]?.arrayValue else { return nil }
                let others = references.filter { $0["kind"]?.stringValue != SIEBundle.resourceType.kind }
                guard others.count < references.count else { return nil }
                return .disown(
                    kind, name: name,
                    [
                        "metadata": .members([
                            "resourceVersion": object["metadata"]?["resourceVersion"],
                            "ownerReferences": others.isEmpty ? .null : .array(others),
                        ])
                    ])
            }
        }
    }
}
