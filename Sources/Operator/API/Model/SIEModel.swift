import Kubernetes

/// A model that every gateway of the installation is to serve.
package struct SIEModel: SIEResource {
    package static let resourceType = SIEGroup.resource(plural: "siemodels", kind: "SIEModel")
    package static let finalizer = "\(SIEGroup.name)/model-registration"

    package var metadata: ObjectMeta
    package var spec: Parsed<Spec>
    package var status: Status?

    package init(metadata: ObjectMeta, spec: Parsed<Spec>, status: Status?) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }
}
