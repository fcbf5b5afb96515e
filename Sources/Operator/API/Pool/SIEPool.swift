import JSONStream
import Kubernetes

/// A share of the installation's workers that requests can name.
package struct SIEPool: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siepools", kind: "SIEPool")
    package static let finalizer = "\(SIEGroup.name)/pool-lease"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta = ObjectMeta(), spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = .value(spec)
        self.status = status
    }
}

extension SIEPool {
    private enum CodingKeys: String, CodingKey {
        case metadata, spec, status
    }

    /// A status that cannot be read is none: the operator writes it anew.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        spec = try container.decode(.spec, default: .unreadable(.null, reason: "spec is missing"))
        status = try? container.decodeIfPresent(Status.self, forKey: .status)
    }

    /// What gateways call the pool, if the spec can be read.
    package var poolName: String? { spec.value.flatMap { $0.poolName ?? metadata.name } }
}
