import MessagePack

/// Work items of several requests in one message, for workers that take batches
/// (``WorkerStatus/Capability/batchedItems``).
///
/// It is an array of whole work items, each as a message of its own would hold it: with its request, its options, its
/// trace and where its result goes. Each is wrapped as a binary, so that who takes the message apart need not look into it.
/// It travels where a ``WorkItemBatch`` does, which is a map.
public enum CoalescedItems {
    /// The most items of one message, written and read.
    public static let maximumItems = WorkItemBatch.maximumItems

    /// Whether the bytes begin like a coalesced message, and not like a batch or a single item.
    public static func isCoalesced(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let first = bytes.first else { return false }
        // An array: short, of up to 2^16 elements, of more.
        return 0x90...0x9f ~= first || first == 0xdc || first == 0xdd
    }

    /// How many items a coalesced message says that it holds, told from its first bytes; nil where the bytes do not begin
    /// like one. Never more than ``maximumItems``: who says more is not read any further.
    public static func itemCount(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard isCoalesced(bytes) else { return nil }
        var reader = MessagePackReader(bytes)
        return (try? reader.readArrayHeader()).map { min($0, maximumItems) }
    }

    /// What stands before each item, followed by its length as a big-endian `UInt32`: a binary of any length.
    public static let itemMarker: UInt8 = 0xc6
    /// Bytes of marker and length.
    public static let itemHeaderBytes = 5

    /// What stands before the items of a message, which follow one behind the other, each behind its marker and length.
    ///
    /// - Parameter itemCount: 1 to ``maximumItems``.
    public static func header(itemCount: Int) -> [UInt8] {
        precondition(1...maximumItems ~= itemCount, "a message holds 1 to \(maximumItems) items")
        var writer = MessagePackWriter(capacity: 3)
        writer.writeArrayHeader(itemCount)
        return writer.bytes
    }

    /// The bytes of each item, in order and uncopied. That they are work items is not looked at: one that is none is no
    /// reason not to do the others.
    ///
    /// - Throws: where the message is cut short, or longer than its items, or holds none, too many or something unwrapped.
    public static func split(_ bytes: UnsafeRawBufferPointer) throws(MessagePackError) -> [UnsafeRawBufferPointer] {
        var reader = MessagePackReader(bytes)
        let count = try reader.readArrayHeader()
        guard count > 0 else { throw MessagePackError(.truncated, offset: reader.offset) }
        guard count <= maximumItems else { throw MessagePackError(.integerOverflow, offset: reader.offset) }
        var items: [UnsafeRawBufferPointer] = []
        items.reserveCapacity(count)
        for _ in 0..<count { items.append(try reader.readBinary()) }
        try reader.expectEnd()
        return items
    }
}
