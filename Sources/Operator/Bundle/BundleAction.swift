import JSONStream
import Kubernetes

/// One write that brings a bundle's objects closer to what they are to be.
package enum BundleAction: Sendable, Hashable {
    /// Put the bundle's file into the ConfigMap of all, with a field manager of its own. Another manager's file is not
    /// taken over.
    case publish(JSONValue, manager: String)
    /// Apply an object, by force: it is ours.
    case apply(BundleObject, name: String, JSONValue, cause: OwnedDocument.Cause)
    /// Apply the number of workers that there are now, in another manager's name, so that ours can leave it out without
    /// the server making it 1.
    case handOverReplicas(name: String, Int)
    /// Say how many workers there are, where nobody else does.
    case scale(name: String, Int)
    /// Mark a ScaledObject so that KEDA leaves its workers alone.
    case pause(name: String)
    /// Take our mark of ownership away, so that the object outlives the bundle.
    case disown(BundleObject, name: String, JSONValue)
    /// Delete the object of this uid.
    case delete(BundleObject, name: String, uid: String?, orphans: Bool)
    /// Take the bundle's file out of the ConfigMap.
    case withdraw(JSONValue, manager: String)

    /// Field managers beside the operator's own: one creates the number of workers, one sets it.
    package static let creationManager = "\(SIEGroup.fieldManager)-create"
    package static let scaleManager = "\(SIEGroup.fieldManager)-scale"
}
