import JSONStream
import Kubernetes

/// What the objects of a pool are called, how they are marked, and how they are written (Kubernetes contract 2.1, 2.2, 2.4).
///
/// Gateways find them by ``managerLabel``, whoever writes them.
package enum PoolObjects {
    package static let managerLabel = "app.kubernetes.io/managed-by"
    package static let gatewayManager = "sie-gateway"
    /// The pool's name.
    package static let poolLabel = "sie-gateway/pool"
    /// The name of the SIEPool, cut to what a label can hold.
    package static let ownerLabel = "\(SIEGroup.name)/siepool"
    /// The uid of the SIEPool: whose the objects are.
    package static let ownerAnnotation = "\(SIEGroup.name)/siepool-uid"
    package static let documentKey = "pool.json"
    /// Gateways leave Leases to those whose names begin so.
    package static let holderPrefix = "sie-operator/"
    /// The operator's pools alone, so that others need no memory.
    package static let selection = Selection(labels: ownerLabel)

    package static func configMapName(_ pool: String) -> String { "sie-pool-\(pool)" }
    package static func leaseName(_ pool: String) -> String { "sie-pool-lease-\(pool)" }

    /// The value of ``ownerLabel``: at most 63 bytes, ending with a letter or digit.
    package static func ownerName(_ pool: SIEPool) -> String {
        var name = (pool.metadata.name ?? "").prefix(63)
        while let last = name.last, last == "-" || last == "." { name.removeLast() }
        return String(name)
    }

    static func labels(of pool: SIEPool, named name: String) -> [String: String] {
        [managerLabel: gatewayManager, poolLabel: name, ownerLabel: ownerName(pool)]
    }

    /// The reference that marks an object as the pool's, for the garbage collector and for gateways, which leave such
    /// objects alone. Pools that clients renew have none: gateways are to renew and to end them.
    static func reference(to pool: SIEPool) -> OwnerReference? {
        guard pool.spec.value?.renewal == .managed, let name = pool.metadata.name, let uid = pool.metadata.uid else {
            return nil
        }
        return OwnerReference(
            apiVersion: SIEPool.resourceType.apiVersion, kind: SIEPool.resourceType.kind, name: name, uid: uid,
            controller: true)
    }

    /// The metadata of a new object.
    static func metadata(_ name: String, of pool: SIEPool, named poolName: String) -> ObjectMeta {
        ObjectMeta(
            name: name, labels: labels(of: pool, named: poolName),
            annotations: pool.metadata.uid.map { [ownerAnnotation: $0] } ?? [:],
            ownerReferences: reference(to: pool).map { [$0] } ?? [])
    }

    /// What an object's metadata lacks to be the pool's, as members of a merge patch; empty for nothing.
    static func marks(lacking metadata: ObjectMeta, of pool: SIEPool, named poolName: String) -> [JSONMember] {
        var members: [JSONMember] = []
        let labels = labels(of: pool, named: poolName).filter { metadata.labels[$0.key] != $0.value }
        if !labels.isEmpty {
            members.append(
                JSONMember(
                    "labels", .object(labels.sorted { $0.key < $1.key }.map { .init($0.key, .string($0.value)) })))
        }
        if let uid = pool.metadata.uid, metadata.annotations[ownerAnnotation] != uid {
            members.append(JSONMember("annotations", [ownerAnnotation: .string(uid)]))
        }
        // A list is replaced as a whole; the version of the object keeps what others add meanwhile.
        let reference = reference(to: pool)
        let others = metadata.ownerReferences.filter { !isPool($0) || $0.name != pool.metadata.name }
        let wanted = others + (reference.map { [$0] } ?? [])
        if wanted != metadata.ownerReferences, let list = try? JSONValue(encoding: wanted) {
            members.append(JSONMember("ownerReferences", list))
        }
        return members
    }

    static func isPool(_ reference: OwnerReference) -> Bool {
        reference.kind == SIEPool.resourceType.kind && reference.apiVersion.utf8.starts(with: "\(SIEGroup.name)/".utf8)
    }
}

/// How one of a pool's objects is to be written.
package enum PoolWrite<Object: KubernetesResource & Hashable>: Sendable, Hashable {
    /// It must not be there yet.
    case create(Object)
    /// A merge patch that names the version at which the object must still be.
    case change(name: String, patch: JSONValue)
}
