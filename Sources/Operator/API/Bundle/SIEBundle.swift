import JSONStream
import Kubernetes

/// A bundle of adapters with the workers that run it.
package struct SIEBundle: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siebundles", kind: "SIEBundle")
    package static let finalizer = "\(SIEGroup.name)/bundle-drain"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta = ObjectMeta(), spec: Spec, status: Status? = nil) {
        self.metadata = metadata
        self.spec = .value(spec)
        self.status = status
    }
}

extension SIEBundle {
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

    /// What the catalogue calls the bundle, if the spec can be read.
    package var bundleName: String? { spec.value.flatMap { $0.bundleName ?? metadata.name } }
}
