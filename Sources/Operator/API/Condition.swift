import Kubernetes

/// One thing that is so, is not so, or is not known of an object (`metav1.Condition`).
package struct Condition: Codable, Sendable, Hashable {
    package enum State: String, SpecChoice {
        case `true` = "True"
        case `false` = "False"
        case unknown = "Unknown"

        package init(_ isTrue: Bool) { self = isTrue ? .true : .false }
    }

    /// Such as `Ready`; a text, because other writers may add their own.
    package var type: String
    package var status: State
    /// The generation of the object that the condition tells of.
    package var observedGeneration: Int?
    /// When the status became what it is; changes of reason and message leave it.
    package var lastTransitionTime: Timestamp
    /// Why, for machines: one word.
    package var reason: String
    /// Why, for people: names the object, replica or field.
    package var message: String

    package init(
        type: String, status: State, observedGeneration: Int? = nil, lastTransitionTime: Timestamp, reason: String,
        message: String
    ) {
        self.type = type
        self.status = status
        self.observedGeneration = observedGeneration
        self.lastTransitionTime = lastTransitionTime
        self.reason = reason
        self.message = message
    }

    package var isTrue: Bool { status == .true }
}
