import Wire

/// How the items of a request are shared out among messages.
package enum BatchPlan {
    /// What the items of one message take at most, unless one item alone takes more. Enough that a message's own cost no
    /// longer counts, and little enough that one message does not hold up what waits behind it.
    package static let maximumBytes = 256 << 10

    /// The parts of a request in order, of about equal length. A part of one item is an ordinary work item.
    ///
    /// - Parameters:
    ///   - workers: those who share the work; none gets more than its share in one message.
    ///   - maximumBytes: for the items of one message.
    ///   - bytes: the size of an item.
    package static func parts(
        itemCount: Int, workers: Int, maximumBytes: Int = maximumBytes, bytes: (Int) -> Int
    ) -> [Range<Int>] {
        guard itemCount > 0 else { return [] }
        let share = min(WorkItemBatch.maximumItems, ceiling(itemCount, max(1, workers)))
        let length = ceiling(itemCount, ceiling(itemCount, share))
        var parts: [Range<Int>] = []
        var start = 0
        var size = 0
        for index in 0..<itemCount {
            let next = bytes(index)
            if index > start, index - start == length || size + next > maximumBytes {
                parts.append(start..<index)
                start = index
                size = 0
            }
            size += next
        }
        parts.append(start..<itemCount)
        return parts
    }

    private static func ceiling(_ count: Int, _ divisor: Int) -> Int {
        (count + divisor - 1) / divisor
    }
}
