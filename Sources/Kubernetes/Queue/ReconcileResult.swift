/// What becomes of a key after it has been worked on. Errors that are thrown make it come again as
/// ``requeue`` does.
public enum ReconcileResult: Sendable, Hashable {
    /// Nothing, until something changes.
    case done
    /// It comes again, after a wait that grows with each time in a row.
    case requeue
    /// It comes again after this time, whatever the limits.
    case requeueAfter(Duration)
}

/// An error that no repetition will mend: the key comes again only when something changes.
public struct TerminalReconcileError: Error, CustomStringConvertible {
    public var reason: any Error

    public init(_ reason: any Error) { self.reason = reason }

    public var description: String { "\(reason)" }
}
