import JSONStream
import Kubernetes

/// Reads and writes the objects of pools in one namespace.
struct PoolStore: Sendable {
    enum Outcome: Sendable {
        case written
        /// Somebody else was faster.
        case conflict
    }

    private let configMaps: Resources<ConfigMap>
    private let leases: Resources<Lease>

    init(_ client: KubernetesClient, namespace: String?) {
        configMaps = client.resources(ConfigMap.self, in: namespace)
        leases = client.resources(Lease.self, in: namespace)
    }

    // MARK: Reading

    func read(_ pool: String) async throws(KubernetesError) -> LivePool {
        LivePool(
            configMap: try await configMaps.find(PoolObjects.configMapName(pool)),
            lease: try await leases.find(PoolObjects.leaseName(pool)))
    }

    /// The gateways' own pool, which has every machine profile that they are configured with; nil where there is none.
    func defaultPool() async throws(KubernetesError) -> PoolDocument? {
        let map = try await configMaps.find(PoolObjects.configMapName("default"))
        return LivePool(configMap: map).document
    }

    // MARK: Writing

    func write(_ write: PoolWrite<ConfigMap>) async throws(KubernetesError) -> Outcome {
        try await Self.write(write, configMaps)
    }

    func write(_ write: PoolWrite<Lease>) async throws(KubernetesError) -> Outcome {
        try await Self.write(write, leases)
    }

    private static func write<Object: KubernetesResource & Hashable>(
        _ write: PoolWrite<Object>, _ resources: Resources<Object>
    ) async throws(KubernetesError) -> Outcome {
        let options = WriteOptions(fieldManager: SIEGroup.fieldManager)
        do throws(KubernetesError) {
            switch write {
            case .create(let object): try await resources.create(object, options)
            case .change(let name, let patch): try await resources.merge(name, patch, options)
            }
            return .written
        } catch {
            // A change of what is gone has met somebody, too.
            if error.isConflict || error.isAlreadyExists { return .conflict }
            if case .change = write, error.isNotFound { return .conflict }
            throw error
        }
    }

    /// Deletes the Lease, then the ConfigMap. What is gone, or another one by now, is as good as deleted.
    ///
    /// - Parameter atVersion: whether they must still be as they were read; if not, nothing more is deleted.
    func remove(_ live: LivePool, atVersion: Bool) async throws(KubernetesError) -> Outcome {
        if let lease = live.lease {
            guard try await Self.delete(lease, leases, atVersion: atVersion) else { return .conflict }
        }
        if let map = live.configMap {
            guard try await Self.delete(map, configMaps, atVersion: atVersion) else { return .conflict }
        }
        return .written
    }

    private static func delete<Object: KubernetesObject>(
        _ object: Object, _ resources: Resources<Object>, atVersion: Bool
    ) async throws(KubernetesError) -> Bool {
        let metadata = object.metadata
        do throws(KubernetesError) {
            try await resources.delete(
                metadata.name ?? "",
                DeleteOptions(uid: metadata.uid, resourceVersion: atVersion ? metadata.resourceVersion : nil))
            return true
        } catch {
            if error.isConflict { return !atVersion }
            guard error.isNotFound else { throw error }
            return true
        }
    }

    /// Takes the operator's marks away, so that gateways end the objects as they end those of clients.
    func abandon(_ live: LivePool) async throws(KubernetesError) -> Outcome {
        if let lease = live.lease {
            var patch = Self.unmarked(lease.metadata)
            patch.append(JSONMember("spec", ["holderIdentity": .null]))
            let write = PoolWrite<Lease>.change(name: lease.metadata.name ?? "", patch: .object(patch))
            guard case .written = try await Self.write(write, leases) else { return .conflict }
        }
        if let map = live.configMap {
            let patch = JSONValue.object(Self.unmarked(map.metadata))
            let write = PoolWrite<ConfigMap>.change(name: map.metadata.name ?? "", patch: patch)
            guard case .written = try await Self.write(write, configMaps) else { return .conflict }
        }
        return .written
    }

    private static func unmarked(_ metadata: ObjectMeta) -> [JSONMember] {
        let others = metadata.ownerReferences.filter { !PoolObjects.isPool($0) }
        let references = (try? JSONValue(encoding: others)) ?? .null
        return [
            JSONMember(
                "metadata",
                [
                    "resourceVersion": metadata.resourceVersion.map { .string($0) } ?? .null,
                    "labels": [PoolObjects.ownerLabel: .null], "annotations": [PoolObjects.ownerAnnotation: .null],
                    "ownerReferences": others.isEmpty ? .null : references,
                ])
        ]
    }
}
