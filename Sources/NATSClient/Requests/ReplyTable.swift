import NIOCore

/// The answers awaited on the connection's shared inbox: a slab of slots named by token, with no hashing and no timer of
/// its own. Tokens carry a generation, so that a late answer never reaches the slot's next user.
struct ReplyTable {
    typealias Handler = @Sendable (Result<NATSMessage, NATSError>) -> Void

    private struct Slot {
        var handler: Handler?
        var deadline = NIODeadline.distantFuture
        /// The number of the frame that asked, to tell what was sent from what still waits.
        var frame: UInt64 = 0
        var generation: UInt32 = 0
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    /// No deadline in the table is earlier.
    private(set) var earliestDeadline = NIODeadline.distantFuture

    /// How many answers are awaited.
    var count: Int { slots.count - free.count }

    mutating func insert(_ handler: @escaping Handler, deadline: NIODeadline, frame: UInt64) -> UInt64 {
        let index: Int
        if let last = free.popLast() {
            index = last
        } else {
            index = slots.count
            slots.append(Slot())
        }
        slots[index].handler = handler
        slots[index].deadline = deadline
        slots[index].frame = frame
        if deadline < earliestDeadline { earliestDeadline = deadline }
        return UInt64(slots[index].generation) << 32 | UInt64(index)
    }

    /// Takes the handler of a token; `nil` where it was taken already.
    mutating func remove(_ token: UInt64) -> Handler? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(truncatingIfNeeded: token >> 32) else {
            return nil
        }
        return release(index)
    }

    /// Takes the handlers whose deadline has come.
    mutating func removeExpired(now: NIODeadline) -> [Handler] {
        guard earliestDeadline <= now else { return [] }
        earliestDeadline = .distantFuture
        var expired: [Handler] = []
        for index in slots.indices where slots[index].handler != nil {
            if slots[index].deadline <= now {
                if let handler = release(index) { expired.append(handler) }
            } else if slots[index].deadline < earliestDeadline {
                earliestDeadline = slots[index].deadline
            }
        }
        return expired
    }

    /// Takes the handlers of frames up to and including this number.
    mutating func removeAll(upToFrame frame: UInt64) -> [Handler] {
        slots.indices.compactMap { slots[$0].handler != nil && slots[$0].frame <= frame ? release($0) : nil }
    }

    private mutating func release(_ index: Int) -> Handler? {
        guard let handler = slots[index].handler else { return nil }
        slots[index].handler = nil
        slots[index].generation &+= 1
        free.append(index)
        return handler
    }
}
