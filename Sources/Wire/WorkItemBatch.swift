import MessagePack

/// Several items of one request in one message, for workers that say that they take such messages
/// (``WorkerStatus/Capability/batchedItems``).
///
/// It is a work item without an item (so that who reads the one can tell whose the other is) and, under `work_items`, an
/// array of `[index, item]` or `[index, nil, payload_ref]`. It travels on a subject and in a stream of its own
/// (``Subjects/batch(model:pool:)``), where only such workers look.
public struct WorkItemBatch: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public var index: Int
        /// MessagePack bytes; nil where the item is stored.
        public var item: [UInt8]?
        public var payloadRef: String?

        public init(index: Int, item: [UInt8]? = nil, payloadRef: String? = nil) {
            self.index = index
            self.item = item
            self.payloadRef = payloadRef
        }
    }

    /// The most items of one batch, written and read.
    public static let maximumItems = 64

    static let itemsKey: StaticString = "work_items"

    /// What all items say alike; its item and payload reference are nil.
    public var shared: WorkItem
    /// At least one.
    public var entries: [Entry]

    public init(shared: WorkItem, entries: [Entry]) {
        self.shared = shared
        self.entries = entries
    }

    /// Decodes a batch; unknown keys are passed over.
    public init(decoding bytes: UnsafeRawBufferPointer) throws(WireError) {
        shared = try WorkItem(decoding: bytes)
        do throws(MessagePackError) {
            entries = try Self.entries(in: bytes)
        } catch {
            throw .field("\(Self.itemsKey)", error)
        }
        if entries.isEmpty { throw .missing("\(Self.itemsKey)") }
    }

    private static func entries(in bytes: UnsafeRawBufferPointer) throws(MessagePackError) -> [Entry] {
        var reader = MessagePackReader(bytes)
        for _ in 0..<(try reader.readMapHeader()) {
            guard try reader.readStringBytes().matches(itemsKey) else {
                try reader.skip()
                continue
            }
            let count = try reader.readArrayHeader()
            guard count <= maximumItems else { throw MessagePackError(.integerOverflow, offset: reader.offset) }
            var entries: [Entry] = []
            entries.reserveCapacity(count)
            for _ in 0..<count { entries.append(try Entry(from: &reader)) }
            return entries
        }
        return []
    }

    /// The item of an entry as a message of its own would hold it.
    public func workItem(_ entry: Entry) -> WorkItem {
        var item = shared
        item.workItemID = "\(shared.requestID).\(entry.index)"
        item.itemIndex = entry.index
        item.item = entry.item
        item.payloadRef = entry.payloadRef
        return item
    }
}

extension WorkItemBatch.Entry {
    fileprivate init(from reader: inout MessagePackReader) throws(MessagePackError) {
        let start = reader.offset
        let count = try reader.readArrayHeader()
        guard count == 2 || count == 3 else { throw MessagePackError(.truncated, offset: start) }
        index = try reader.readInt()
        item = try reader.readRawOrNil()
        payloadRef = count == 3 ? try reader.readStringOrNil() : nil
    }
}
