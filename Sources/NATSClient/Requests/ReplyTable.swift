import NIOCore

/// The answers awaited on the connection's shared inbox: a slab of slots named by token, with no hashing and no timer of
/// its own. Tokens carry a generation, so that a late answer never reaches the slot's next user.
///
/// A request that is answered exactly once, as a stream acknowledges a message, leaves nothing late behind: its token is
/// used again. A few reply subjects then recur instead of each being new, which spares the server a look-up in its
/// subscription tree for every acknowledgement (an eighth of its work on a round trip).
package struct ReplyTable {
    package typealias Handler = @Sendable (Result<NATSMessage, NATSError>) -> Void

    private struct Slot {
        var handler: Handler?
        var deadline = NIODeadline.distantFuture
        /// The number of the frame that asked, to tell what was sent from what still waits.
        var frame: UInt64 = 0
        var generation: UInt32 = 0
        var isAnsweredOnce = false
    }

    private var slots: [Slot] = []
    private var free: [Int] = []

    package init() {}

    /// No deadline in the table is earlier.
    package private(set) var earliestDeadline = NIODeadline.distantFuture

    /// How many answers are awaited.
    package var count: Int { slots.count - free.count }

    /// - Parameters:
    ///   - frame: the number of the frame that asks.
    ///   - isAnsweredOnce: whether there is never a second answer.
    /// - Returns: the token that names the slot.
    package mutating func insert(
        _ handler: @escaping Handler, deadline: NIODeadline, frame: UInt64, isAnsweredOnce: Bool = false
    ) -> UInt64 {
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
        slots[index].isAnsweredOnce = isAnsweredOnce
        if deadline < earliestDeadline { earliestDeadline = deadline }
        return UInt64(slots[index].generation) << 32 | UInt64(index)
    }

    /// Takes the handler of a token that was answered; `nil` where it was taken already.
    package mutating func remove(_ token: UInt64) -> Handler? {
        let index = Int(token & 0xFFFF_FFFF)
        guard index < slots.count, slots[index].generation == UInt32(truncatingIfNeeded: token >> 32) else {
            return nil
        }
        return release(index, isAnswered: true)
    }

    /// Takes the handlers whose deadline has come.
    package mutating func removeExpired(now: NIODeadline) -> [Handler] {
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
    package mutating func removeAll(upToFrame frame: UInt64) -> [Handler] {
        slots.indices.compactMap { slots[$0].handler != nil && slots[$0].frame <= frame ? release($0) : nil }
    }

    private mutating func release(_ index: Int, isAnswered: Bool = false) -> Handler? {
        guard let handler = slots[index].handler else { return nil }
        slots[index].handler = nil
        // Where the answer may still come, or another one, its token must not be anybody else's.
        if !(isAnswered && slots[index].isAnsweredOnce) { slots[index].generation &+= 1 }
        free.append(index)
        return handler
    }
}
