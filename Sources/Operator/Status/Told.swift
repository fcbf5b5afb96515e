import Kubernetes

/// What people are told of an object: an Event without the object.
package struct Told: Sendable, Hashable {
    package var type: EventType
    /// One word for machines.
    package var reason: String
    /// For people.
    package var note: String

    package init(_ type: EventType, _ reason: String, _ note: String) {
        self.type = type
        self.reason = reason
        self.note = note
    }
}
