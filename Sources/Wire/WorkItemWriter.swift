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
    private let template: WorkItemTemplate
    /// output_types, instruction, is_query, options; then what stands behind the payload: labels, output_schema; then
    /// reply_subject, timestamp, traceparent.
    private let shared: [UInt8]
    private let middleEnd: Int
    private let schemaEnd: Int
    private let keyCount: UInt8

    /// - Parameters:
    ///   - shared: the fields all items of the request have in common; its item and index are ignored.
    ///   - template: made of the same lane; nil where none is kept.
    public init(_ shared: WorkItem, template: WorkItemTemplate? = nil) {
        requestID = shared.requestID
        totalItems = shared.totalItems
        self.template = template ?? WorkItemTemplate(shared)
        var writer = MessagePackWriter(capacity: 384)
        writer.write("output_types" as StaticString)
        writer.write(optional: shared.outputTypes)
        writer.write("instruction" as StaticString)
        writer.write(optional: shared.instruction)
        writer.write("is_query" as StaticString)
        writer.write(shared.isQuery)
        writer.write("options" as StaticString)
        writer.write(optionalRaw: shared.options)
        middleEnd = writer.count
        writer.write("labels" as StaticString)
        writer.write(optional: shared.labels)
        writer.write("output_schema" as StaticString)
        writer.write(optionalRaw: shared.outputSchema)
        schemaEnd = writer.count
        writer.write("reply_subject" as StaticString)
        writer.write(optional: shared.replySubject)
        writer.write("timestamp" as StaticString)
        writer.write(shared.timestamp)
        if let traceParent = shared.traceParent {
            writer.write("traceparent" as StaticString)
            writer.write(traceParent)
        }
        keyCount = shared.traceParent == nil ? 24 : 25
        self.shared = writer.bytes
    }

    /// Appends the item `index` to `writer`.
    public func write(_ payload: Payload, index: Int, to writer: inout MessagePackWriter) {
        write(payload, index: index, keyCount: keyCount, to: &writer)
    }

    /// Appends a batch: the keys of a work item, without an item and with the index of the first, and behind them the
    /// items, each `[index, item]` or `[index, nil, payload_ref]`. See ``WorkItemBatch``.
    ///
    /// - Parameter payloads: 1 to ``WorkItemBatch/maximumItems`` items; those of score requests are never batched.
    public func write(batch payloads: [(index: Int, payload: Payload)], to writer: inout MessagePackWriter) {
        write(nil, index: payloads.first?.index ?? 0, keyCount: keyCount + 1, to: &writer)
        writer.write(WorkItemBatch.itemsKey)
        writer.writeArrayHeader(payloads.count)
        for (index, payload) in payloads {
            switch payload {
            case .item(let bytes):
                writer.writeArrayHeader(2)
                writer.write(index)
                writer.writeRaw(bytes)
            case .itemReference(let key):
                writer.writeArrayHeader(3)
                writer.write(index)
                writer.writeNil()
                writer.write(key)
            case .score, .scoreReference:
                preconditionFailure("a score request is one work item")
            }
        }
    }

    private func write(_ payload: Payload?, index: Int, keyCount: UInt8, to writer: inout MessagePackWriter) {
        // map16, as the reference writes it.
        writer.writeRaw([0xde, 0x00, keyCount] as [UInt8])
        writer.write("work_item_id" as StaticString)
        writer.write(requestID, dotted: index)
        writer.write("request_id" as StaticString)
        writer.write(requestID)
        writer.write("item_index" as StaticString)
        writer.write(index)
        writer.write("total_items" as StaticString)
        writer.write(totalItems)
        writer.writeRaw(template.lane)
        writer.write("item" as StaticString)
        if case .item(let bytes) = payload { writer.writeRaw(bytes) } else { writer.writeNil() }
        writer.write("payload_ref" as StaticString)
        if case .itemReference(let key) = payload { writer.write(key) } else { writer.writeNil() }
        writer.write(part: 0..<middleEnd, of: shared)
        writer.write("query_item" as StaticString)
        if case .score(let query, _) = payload { writer.writeRaw(query) } else { writer.writeNil() }
        writer.write("query_payload_ref" as StaticString)
        if case .scoreReference(let key) = payload { writer.write(key) } else { writer.writeNil() }
        writer.write("score_items" as StaticString)
        if case .score(_, let items) = payload { writer.writeRaw(items) } else { writer.writeNil() }
        writer.write(part: middleEnd..<schemaEnd, of: shared)
        writer.writeRaw(template.origin)
        writer.write(part: schemaEnd..<shared.count, of: shared)
    }
}

extension MessagePackWriter {
    /// The string `text.number`, made in place.
    fileprivate mutating func write(_ text: String, dotted number: Int) {
        // At most 15 digits and a point stay inside the string's own words.
        var (text, suffix) = (text, "." + String(number))
        text.withUTF8 { text in
            suffix.withUTF8 { suffix in
                writeStringHeader(count: text.count + suffix.count)
                writeRaw(UnsafeRawBufferPointer(text))
                writeRaw(UnsafeRawBufferPointer(suffix))
            }
        }
    }

    fileprivate mutating func write(part: Range<Int>, of bytes: [UInt8]) {
        bytes.withUnsafeBytes { writeRaw(UnsafeRawBufferPointer(rebasing: $0[part])) }
    }

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
