import Kubernetes

/// A share of the installation's workers that requests can name.
package struct SIEPool: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siepools", kind: "SIEPool")
    package static let finalizer = "\(SIEGroup.name)/pool-lease"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Parsed<Spec>, status: Status?) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}

extension SIEPool {
    /// What gateways call the pool, if the spec can be read.
    package var poolName: String? { spec.value.flatMap { $0.poolName ?? metadata.name } }
}
