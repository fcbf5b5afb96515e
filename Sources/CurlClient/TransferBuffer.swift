/// What lies between the thread that receives an answer and the task that reads it: a value, driven by ``Transfer``.
///
/// The receiving side is told to pause when the reader is `capacity` bytes behind, and to go on when it has caught up.
package struct TransferBuffer<Waiter: Sendable>: ~Copyable {
    package typealias Element = TransferElement

    /// What becomes of a reader that asks.
    package struct Reading {
        /// nil: the waiter is kept until there is something.
        package var element: Element?
        /// Whether the transfer was paused and must be resumed.
        package var resumesTransfer = false
    }

    /// How many unread bytes pause the transfer.
    package let capacity: Int
    private var parser = ResponseHeadParser()
    private var head: CurlResponseHead?
    private var bytes: [UInt8] = []
    private var outcome: Element?
    private var isPaused = false
    private var waiter: Waiter?

    package init(capacity: Int) {
        self.capacity = capacity
    }

    /// Takes a header line; returns who waits for the head that it completed.
    package mutating func receive(headerLine: some Collection<UInt8>) -> (Waiter, Element)? {
        guard let head = parser.add(headerLine) else { return nil }
        guard let waiter = waiter.take() else {
            self.head = head
            return nil
        }
        return (waiter, .head(head))
    }

    /// Takes bytes of the body, or none of them when the reader is too far behind.
    ///
    /// - Returns: whether they were taken, and who waits for them.
    package mutating func receive(_ chunk: UnsafeRawBufferPointer) -> (isTaken: Bool, wakes: (Waiter, Element)?) {
        if outcome != nil { return (true, nil) }
        guard bytes.count < capacity else {
            isPaused = true
            return (false, nil)
        }
        if let waiter = waiter.take() { return (true, (waiter, .bytes(Array(chunk)))) }
        bytes.append(contentsOf: chunk)
        return (true, nil)
    }

    /// Takes the end; the first one counts.
    package mutating func finish(_ error: CurlError?) -> (Waiter, Element)? {
        guard outcome == nil else { return nil }
        let end = error.map(Element.failure) ?? .end
        outcome = end
        // Whoever waits has read all that came before.
        return waiter.take().map { ($0, end) }
    }

    /// Gives the next element, or keeps the waiter. One reader at a time.
    package mutating func read(_ waiter: Waiter) -> Reading {
        if let head = head.take() { return Reading(element: .head(head)) }
        if !bytes.isEmpty {
            let taken = bytes
            bytes = []
            defer { isPaused = false }
            return Reading(element: .bytes(taken), resumesTransfer: isPaused)
        }
        if let outcome { return Reading(element: outcome) }
        self.waiter = waiter
        return Reading()
    }
}
