import JSONStream
import Kubernetes

/// What is to be done for a bundle now: a pure function of the object and of what there is. Whoever carries it out looks
/// again afterwards, until nothing is left to do; so it does not matter where a crash comes in between.
///
/// The order is that of dependence: the definition first, because gateways have no route to workers of a bundle that they
/// do not know; the workers when the config service tells it; what scales them last. A group's objects go in the reverse.
package struct BundlePlan: Sendable {
    /// Why something cannot be done at all until somebody changes something.
    package enum Obstacle: Sendable, Hashable {
        /// An adapter is to go that models need: the adapter, and the models.
        case adaptersInUse([String: [String]])
        /// All definitions together would not fit into a ConfigMap.
        case definitionTooLarge(bytes: Int)
        /// An object of that name is somebody else's.
        case foreignObject(BundleObject, name: String)
        /// A field would have to change that cannot.
        case immutableField(BundleObject, name: String, field: String)
        /// The pod template's overlay says what it may not.
        case overlay(machineProfile: String, String)
    }

    package private(set) var actions: [BundleAction] = []
    package private(set) var obstacles: [Obstacle] = []
    /// Machine profiles whose new version was stopped because it crashes, with the ordinal at which it was.
    package private(set) var stoppedRollouts: [String: Int] = [:]

    private let bundle: SIEBundle
    private let spec: SIEBundle.Spec
    private let objects: WorkerObjects
    private let observed: BundleObservation
    private let now: Timestamp

    /// - Parameters:
    ///   - isDefault: whether this is the default bundle of its namespace, which only the oldest of several can be.
    ///   - objects: made of the same bundle.
    package init?(
        _ bundle: SIEBundle, isDefault: Bool, objects: WorkerObjects, observed: BundleObservation, now: Timestamp
    ) {
        guard let spec = bundle.spec.value, let name = bundle.bundleName else { return nil }
        self.bundle = bundle
        self.spec = spec
        self.objects = objects
        self.observed = observed
        self.now = now
        let definition = BundleDefinition(
            name: name, priority: spec.priority, isDefault: isDefault, adapters: spec.adapters)
        planDefinition(definition)
        guard obstacles.isEmpty else { return }
        planWorkers(isAdvertised: observed.advertisement.matches(definition))
        planLeftovers()
    }

    // MARK: The definition

    private mutating func planDefinition(_ definition: BundleDefinition) {
        let names = objects.names
        guard observed.adaptersInUse.isEmpty else {
            obstacles.append(.adaptersInUse(observed.adaptersInUse))
            return
        }
        let bytes = definition.totalBytes(in: observed.files, names)
        guard bytes <= BundleDefinition.longestTotalBytes else {
            obstacles.append(.definitionTooLarge(bytes: bytes))
            return
        }
        if !Self.isPublished(definition, names, in: observed.configMap) {
            actions.append(.publish(definition.configMap(names), manager: names.definitionManager))
        }
    }

    /// Whether the file is there as it is to be, and in the bundle's own name where the server keeps such names: what one
    /// did not apply oneself, one cannot take away.
    package static func isPublished(
        _ definition: BundleDefinition, _ names: BundleNames, in configMap: JSONValue?
    ) -> Bool {
        guard let configMap, configMap["data"]?[names.definitionKey]?.stringValue == definition.text else {
            return false
        }
        let managed = ManagedFields(of: configMap)
        return managed.entries.isEmpty
            || managed.isApplied(["data", names.definitionKey], by: names.definitionManager)
    }

    // MARK: Workers

    private mutating func planWorkers(isAdvertised: Bool) {
        let groups = spec.workerGroups ?? []
        if groups.isEmpty { return }
        for group in groups {
            for issue in objects.pod(group).issues {
                obstacles.append(.overlay(machineProfile: group.machineProfile, issue))
            }
        }
        guard obstacles.isEmpty else { return }
        // Workers that are there go on whatever the config service does; new ones wait until it knows their bundle.
        let ready = groups.filter { isAdvertised || isThere($0) }
        if ready.isEmpty { return }
        plan(objects.service, .service)
        for group in ready {
            planStatefulSet(group)
            if let scaled = objects.scaledObject(group), observed.served.contains(.scaledObject) {
                plan(scaled, .scaledObject)
            }
            if let budget = objects.disruptionBudget(group) { plan(budget, .disruptionBudget) }
            if let prepull = objects.prepull(group) { plan(prepull, .daemonSet) }
        }
    }

    private func isThere(_ group: SIEBundle.WorkerGroup) -> Bool {
        observed[.statefulSet, objects.names.statefulSet(group.machineProfile)] != nil
    }

    private mutating func plan(_ wanted: OwnedDocument, _ kind: BundleObject) {
        guard observed.served.contains(kind) else { return }
        let live = observed[kind, wanted.name]
        if isForeign(live) {
            obstacles.append(.foreignObject(kind, name: wanted.name))
        } else if let cause = wanted.cause(live: live) {
            actions.append(.apply(kind, name: wanted.name, wanted.document, cause: cause))
        }
    }

    private mutating func planStatefulSet(_ group: SIEBundle.WorkerGroup) {
        let name = objects.names.statefulSet(group.machineProfile)
        let stopped = stoppingOrdinal(group, name)
        stoppedRollouts[group.machineProfile] = stopped
        let wanted = objects.statefulSet(group, partition: stopped)
        guard let live = observed[.statefulSet, name] else {
            // The number goes along once; the next look hands it over.
            let first = wanted.with(["spec": ["replicas": .int(Int64(group.minReplicas))]])
            actions.append(.apply(.statefulSet, name: name, first, cause: .absent))
            return
        }
        guard !isForeign(live) else {
            obstacles.append(.foreignObject(.statefulSet, name: name))
            return
        }
        if let field = Self.immutableDifference(wanted.document, live) {
            guard bundle.metadata.annotations[SIEGroup.allowRecreateAnnotation] == "true" else {
                obstacles.append(.immutableField(.statefulSet, name: name, field: field))
                return
            }
            // Its pods go on, and the new one takes them over.
            actions.append(.delete(.statefulSet, name: name, uid: Self.uid(live), orphans: true))
            return
        }
        let workers = WorkerSetState(live)
        let ownsNumber = ManagedFields(of: live).isApplied(["spec", "replicas"], by: SIEGroup.fieldManager)
        if ownsNumber { actions.append(.handOverReplicas(name: name, workers.wanted)) }
        if let cause = wanted.cause(live: live) {
            actions.append(.apply(.statefulSet, name: name, wanted.document, cause: cause))
        } else if ownsNumber {
            actions.append(.apply(.statefulSet, name: name, wanted.document, cause: .changed))
        }
        if let number = number(of: group, workers), number != workers.wanted {
            actions.append(.scale(name: name, number))
        }
    }

    /// How many workers the operator wants; nil where it is not its to say.
    private func number(of group: SIEBundle.WorkerGroup, _ workers: WorkerSetState) -> Int? {
        switch group.scaling.engine {
        case .none: group.minReplicas
        case .external: nil
        case .externalPush, .prometheus:
            // Without KEDA nobody else keeps the least number.
            observed.served.contains(.scaledObject) ? nil : max(group.minReplicas, workers.wanted)
        }
    }

    /// The ordinal at which a new version is stopped: the lowest of its pods, where one of them has been crashing for
    /// longer than the deadline. Pods below stay at the old version.
    private func stoppingOrdinal(_ group: SIEBundle.WorkerGroup, _ name: String) -> Int? {
        guard spec.rollout.pauseOnFailure, spec.rollout.strategy == .rollingUpdate,
            let workers = observed.workers(name), workers.isRollingOut
        else { return nil }
        let updated = observed.pods.filter {
            $0.machineProfile == group.machineProfile && $0.revision == workers.updateRevision
        }
        let isFailed = updated.contains { pod in
            guard case .crashLoop? = pod.trouble, let created = pod.created else { return false }
            return now.secondsSince1970 - created.secondsSince1970 > BundleStatusWriter.deadlineSeconds
        }
        return isFailed ? updated.compactMap(\.ordinal).min().map { max($0, spec.rollout.partition) } : nil
    }

    // MARK: Ownership

    /// Whether an object belongs to somebody who has not offered it.
    private func isForeign(_ live: JSONValue?) -> Bool {
        guard let live else { return false }
        return !Self.isOwned(live, by: bundle)
            && live["metadata"]?["annotations"]?[SIEGroup.adoptAnnotation]?.stringValue != "true"
    }

    /// Whether an object is this bundle's: by its owner, or, where it has none, by the label.
    package static func isOwned(_ live: JSONValue, by bundle: SIEBundle) -> Bool {
        guard let metadata = try? (live["metadata"] ?? .object([])).decode(ObjectMeta.self) else { return false }
        if let controller = metadata.controller { return controller.uid == bundle.metadata.uid }
        return metadata.labels[BundleLabels.bundleLabel] == BundleLabels.value(bundle.metadata.name ?? "")
    }

    /// The first field that is not as it is to be and that no server changes.
    package static func immutableDifference(_ wanted: JSONValue, _ live: JSONValue) -> String? {
        for field in ["serviceName", "podManagementPolicy", "selector"] {
            let path = "spec.\(field)"
            guard let value = wanted["spec"]?[field] else { continue }
            if let difference = OwnedDocument.difference(value, live["spec"]?[field], at: path) { return difference }
        }
        // A selector must not only contain what is wanted.
        let labels = (wanted["spec"]?["selector"]?["matchLabels"]?.objectValue ?? []).count
        let there = (live["spec"]?["selector"]?["matchLabels"]?.objectValue ?? []).count
        return labels == there ? nil : "spec.selector.matchLabels"
    }

    static func uid(_ object: JSONValue) -> String? { object["metadata"]?["uid"]?.stringValue }

    // MARK: What is no longer wanted

    /// Deletes what is ours and in no group any more: what scales before what is scaled.
    private mutating func planLeftovers() {
        let groups = spec.workerGroups ?? []
        var wanted: [BundleObject: Set<String>] = [
            .statefulSet: Set(groups.map { objects.names.statefulSet($0.machineProfile) }),
            .scaledObject: Set(groups.compactMap { objects.scaledObject($0)?.name }),
            .disruptionBudget: Set(groups.compactMap { objects.disruptionBudget($0)?.name }),
            .daemonSet: Set(groups.compactMap { objects.prepull($0)?.name }),
        ]
        if !groups.isEmpty { wanted[.service] = [objects.service.name] }
        for kind in [BundleObject.scaledObject, .statefulSet, .disruptionBudget, .daemonSet, .service] {
            let there = (observed.objects[kind] ?? [:]).sorted { $0.key < $1.key }
            for (name, object) in there
            where wanted[kind]?.contains(name) != true && Self.isOwned(object, by: bundle)
                && object["metadata"]?["deletionTimestamp"] == nil
            {
                actions.append(.delete(kind, name: name, uid: Self.uid(object), orphans: false))
            }
        }
    }
}
