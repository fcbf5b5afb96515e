import Kubernetes

/// What the operator knows of a pool at the end of a reconcile; ``SIEPool/Status`` is written from it.
package struct PoolFindings: Sendable, Hashable {
    /// How the pool's objects are.
    package enum Objects: Sendable, Hashable {
        /// Both are as they are to be. With the time of the last renewal, in Unix seconds.
        case kept(renewedAt: Double)
        /// One could not be written; tried again.
        case failing(Failure)
        /// Somebody else's objects have the pool's names.
        case conflicting(message: String)
        /// Nothing was written, because no such machines are known.
        case refused
        /// The pool's time is up, and its objects are gone.
        case expired(message: String)
    }

    package struct Failure: Sendable, Hashable {
        /// Which of the two it was: the ConfigMap is written first.
        package enum Part: Sendable, Hashable {
            case configMap
            case lease(PoolReason)
        }

        package var part: Part
        package var message: String
        /// When the pool was last renewed, in Unix seconds; nil where it never was.
        package var renewedAt: Double?

        package init(_ part: Part, message: String, renewedAt: Double?) {
            self.part = part
            self.message = message
            self.renewedAt = renewedAt
        }
    }

    package var objects: Objects
    /// Machine profiles that nobody has, for people; nil for none. What was there before is kept all the same.
    package var unknownProfiles: String?
    /// What the gateways say; nil where they were not asked.
    package var gateways: PoolFold?

    package init(_ objects: Objects, unknownProfiles: String? = nil, gateways: PoolFold? = nil) {
        self.objects = objects
        self.unknownProfiles = unknownProfiles
        self.gateways = gateways
    }
}
