import Kubernetes

/// A bundle of adapters with the workers that run it.
package struct SIEBundle: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siebundles", kind: "SIEBundle")
    package static let finalizer = "\(SIEGroup.name)/bundle-drain"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Parsed<Spec>, status: Status?) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    /// The same object with another status.
    package init(_ bundle: SIEBundle, status: Status?) {
        self = bundle
        self.status = status
    }
}

extension SIEBundle {
    /// What the catalogue calls the bundle, if the spec can be read.
    package var bundleName: String? { spec.value.flatMap { $0.bundleName ?? metadata.name } }
}
