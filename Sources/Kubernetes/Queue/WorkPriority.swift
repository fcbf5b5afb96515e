/// What comes first in a work queue.
public enum WorkPriority: Int, Sendable, Hashable, Comparable {
    /// What nobody waits for: everything that is there at the start, and looking again after some time.
    case low
    /// What somebody has changed.
    case normal

    public static func < (left: WorkPriority, right: WorkPriority) -> Bool { left.rawValue < right.rawValue }
}
