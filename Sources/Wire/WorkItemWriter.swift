import MessagePack

/// Writes the work items of one request. What all items share is encoded once; writing an item then splices its bytes
/// between two prepared blocks, in the key order of the reference (gateway contract 4.5: all 24 keys, map16 header), with
/// `traceparent` behind them where there is one.
public struct WorkItemWriter: Sendable {
    /// What belongs to one item and not to its request.
    public enum Payload {
        /// An inline item: MessagePack bytes, borrowed for the call.
        case item(UnsafeRawBufferPointer)
        /// An item stored under this key.
        case itemReference(String)
        /// A whole score request: query and candidates, MessagePack bytes, borrowed for the call.
        case score(query: UnsafeRawBufferPointer, items: UnsafeRawBufferPointer)
        /// A score request stored under this key.
        case scoreReference(String)

        public init(item: UnsafeRawBufferPointer) { self = .item(item) }
    }

    private let requestID: String
    private let totalItems: Int
    /// operation, model_id, profile_id, pool_name, machine_profile
    private let head: [UInt8]
    /// output_types, instruction, is_query, options
    private let middle: [UInt8]
    /// labels ... timestamp, traceparent
    private let tail: [UInt8]
    private let keyCount: UInt8

    /// - Parameter shared: the fields all items of the request have in common; its item and index are ignored.
    public init(_ shared: WorkItem) {
        requestID = shared.requestID
        totalItems = shared.totalItems
        var head = MessagePackWriter()
        head.write("operation" as StaticString)
        head.write(shared.operation)
        head.write("model_id" as StaticString)
        head.write(shared.modelID)
        head.write("profile_id" as StaticString)
        head.write(shared.profileID)
        head.write("pool_name" as StaticString)
        head.write(shared.pool)
        head.write("machine_profile" as StaticString)
        head.write(shared.machineProfile)
        self.head = head.bytes
        var middle = MessagePackWriter()
        middle.write("output_types" as StaticString)
        middle.write(optional: shared.outputTypes)
        middle.write("instruction" as StaticString)
        middle.write(optional: shared.instruction)
        middle.write("is_query" as StaticString)
        middle.write(shared.isQuery)
        middle.write("options" as StaticString)
        middle.write(optionalRaw: shared.options)
        self.middle = middle.bytes
        var tail = MessagePackWriter()
        tail.write("labels" as StaticString)
        tail.write(optional: shared.labels)
        tail.write("output_schema" as StaticString)
        tail.write(optionalRaw: shared.outputSchema)
        tail.write("bundle_config_hash" as StaticString)
        tail.write(shared.bundleConfigHash)
        tail.write("router_id" as StaticString)
        tail.write(shared.routerID)
        tail.write("reply_subject" as StaticString)
        tail.write(optional: shared.replySubject)
        tail.write("timestamp" as StaticString)
        tail.write(shared.timestamp)
        if let traceParent = shared.traceParent {
            tail.write("traceparent" as StaticString)
            tail.write(traceParent)
        }
        keyCount = shared.traceParent == nil ? 24 : 25
        self.tail = tail.bytes
    }

    /// Appends the item `index` to `writer`.
    public func write(_ payload: Payload, index: Int, to writer: inout MessagePackWriter) {
        // map16, as the reference writes it.
        writer.writeRaw([0xde, 0x00, keyCount] as [UInt8])
        writer.write("work_item_id" as StaticString)
        writer.write("\(requestID).\(index)")
        writer.write("request_id" as StaticString)
        writer.write(requestID)
        writer.write("item_index" as StaticString)
        writer.write(index)
        writer.write("total_items" as StaticString)
        writer.write(totalItems)
        writer.writeRaw(head)
        writer.write("item" as StaticString)
        if case .item(let bytes) = payload { writer.writeRaw(bytes) } else { writer.writeNil() }
        writer.write("payload_ref" as StaticString)
        if case .itemReference(let key) = payload { writer.write(key) } else { writer.writeNil() }
        writer.writeRaw(middle)
        writer.write("query_item" as StaticString)
        if case .score(let query, _) = payload { writer.writeRaw(query) } else { writer.writeNil() }
        writer.write("query_payload_ref" as StaticString)
        if case .scoreReference(let key) = payload { writer.write(key) } else { writer.writeNil() }
        writer.write("score_items" as StaticString)
        if case .score(_, let items) = payload { writer.writeRaw(items) } else { writer.writeNil() }
        writer.writeRaw(tail)
    }
}

extension MessagePackWriter {
    mutating func write(optional value: String?) {
        if let value { write(value) } else { writeNil() }
    }

    mutating func write(optional values: [String]?) {
        guard let values else { return writeNil() }
        writeArrayHeader(values.count)
        for value in values { write(value) }
    }

    mutating func write(optionalRaw bytes: [UInt8]?) {
        if let bytes { writeRaw(bytes) } else { writeNil() }
    }
}
