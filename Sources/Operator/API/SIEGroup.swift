import Kubernetes

/// The API group of the product's custom resources, and what the operator marks objects with.
package enum SIEGroup {
    /// The group. It stands here and in the files of `crds/`, nowhere else.
    package static let name = "sie.dev"
    /// The only version there is.
    package static let version = "v1alpha1"

    /// The field manager of the operator's writes.
    package static let fieldManager = "sie-operator"

    /// What asks for a reconcile when it changes, whatever its value.
    package static let reconcileAtAnnotation = "\(name)/reconcile-at"
    /// With the value `true`: as `spec.suspend`, without a change of the spec.
    package static let pausedAnnotation = "\(name)/paused"
    /// With the value `true`: finalizers go at once and leave behind what they would have cleaned up.
    package static let forceFinalizeAnnotation = "\(name)/force-finalize"
    /// With the value `true` on an object of another owner: the operator may take it over.
    package static let adoptAnnotation = "\(name)/adopt"

    /// With the value `true` on a SIEBundle: a StatefulSet may be made anew where a field would have to change that cannot.
    package static let allowRecreateAnnotation = "\(name)/allow-recreate"

    static func resource(plural: String, kind: String) -> ResourceType {
        ResourceType(group: name, version: version, plural: plural, kind: kind)
    }
}
