import JSONStream
import Kubernetes

/// A model that every gateway of the installation is to serve.
package struct SIEModel: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siemodels", kind: "SIEModel")
    package static let finalizer = "\(SIEGroup.name)/model-registration"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta = ObjectMeta(), spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = .value(spec)
        self.status = status
    }
}

extension SIEModel {
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
}
