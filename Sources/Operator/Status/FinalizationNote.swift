/// What people are told of the end of a deleted object, as the reason of an event. Each kind has ends of its own; these two
/// all of them have.
package protocol FinalizationNote: RawRepresentable<String>, Sendable, Hashable {
    /// What the object had brought about could not be undone within the deadline.
    static var finalizerTimeout: Self { get }
    /// Somebody asked for the end without anything being undone.
    static var finalizerForced: Self { get }

    /// Whether something may have been left behind that was not meant to be.
    var isWarning: Bool { get }
}

extension FinalizationNote {
    package var isWarning: Bool { self == .finalizerTimeout || self == .finalizerForced }
}
