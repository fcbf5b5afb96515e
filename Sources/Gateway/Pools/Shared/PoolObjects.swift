import Kubernetes

/// What the objects of a pool are called and labelled, and what stands in them (Kubernetes contract 2.1, 2.2).
package enum PoolObjects {
    /// The field manager, and the value of the label that marks these objects.
    package static let manager = "sie-gateway"
    package static let managerLabel = "app.kubernetes.io/managed-by"
    package static let poolLabel = "sie-gateway/pool"
    package static let documentKey = "pool.json"
    package static let selection = Selection(labels: "\(managerLabel)=\(manager)")

    private static let configMapPrefix = "sie-pool-"
    private static let leasePrefix = "sie-pool-lease-"

    package static func configMapName(_ pool: String) -> String { configMapPrefix + pool }
    package static func leaseName(_ pool: String) -> String { leasePrefix + pool }

    /// Whether objects can bear the pool's name, which must then be a DNS label.
    package static func canBeNamed(_ pool: String) -> Bool {
        let letters = pool.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
            default: false
            }
        }
        return letters && !pool.isEmpty && pool.utf8.first != UInt8(ascii: "-") && pool.utf8.last != UInt8(ascii: "-")
    }

    /// The pool that a ConfigMap belongs to: by its label, else by its name.
    package static func pool(ofConfigMap metadata: ObjectMeta) -> String? {
        if let label = metadata.labels[poolLabel], !label.isEmpty { return label }
        guard let name = metadata.name, name.utf8.starts(with: configMapPrefix.utf8) else { return nil }
        let pool = name.utf8.dropFirst(configMapPrefix.utf8.count)
        return pool.isEmpty ? nil : String(decoding: pool, as: UTF8.self)
    }

    package static func configMap(_ document: PoolDocument) -> ConfigMap {
        ConfigMap(
            metadata: metadata(configMapName(document.name), of: document.name), data: [documentKey: document.text])
    }

    /// - Parameters:
    ///   - holder: the gateway that writes it.
    ///   - acquiredAt: kept from the lease that is there, in Unix seconds, as is `now`.
    package static func lease(
        _ document: PoolDocument, holder: String, acquiredAt: Double, now: Double
    ) -> Lease {
        Lease(
            metadata: metadata(leaseName(document.name), of: document.name),
            spec: Lease.Spec(
                holderIdentity: holder,
                leaseDurationSeconds: document.specification.timeToLiveSeconds ?? Pool.usualTimeToLiveSeconds,
                acquireTime: MicroTime(secondsSince1970: acquiredAt), renewTime: MicroTime(secondsSince1970: now)))
    }

    private static func metadata(_ name: String, of pool: String) -> ObjectMeta {
        ObjectMeta(name: name, labels: [managerLabel: manager, poolLabel: pool])
    }
}
