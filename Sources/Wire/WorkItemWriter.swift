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
    private let parameters: WorkItemParameters
    /// The reply subject in two parts; nil where nobody waits for the result.
    private let reply: (prefix: String, rest: String)?
    private let timestamp: Double
    private let traceParent: String?

    /// - Parameters:
    ///   - shared: the fields all items of the request have in common; its item and index are ignored.
    ///   - template: made of the same lane; nil where none is kept.
    public init(_ shared: WorkItem, template: WorkItemTemplate? = nil) {
        self.init(
            requestID: shared.requestID, totalItems: shared.totalItems,
            parameters: WorkItemParameters(
                outputTypes: shared.outputTypes, instruction: shared.instruction, isQuery: shared.isQuery,
                options: shared.options, labels: shared.labels, outputSchema: shared.outputSchema),
            reply: shared.replySubject.map { (prefix: $0, rest: "") }, timestamp: shared.timestamp,
            traceParent: shared.traceParent, template: template ?? WorkItemTemplate(shared))
    }

    /// The same without a work item to take the fields from: for those who write one for each request.
    ///
    /// - Parameter reply: the reply subject in two parts, of which the first recurs; nil where nobody waits.
    public init(
        requestID: String, totalItems: Int, parameters: WorkItemParameters, reply: (prefix: String, rest: String)?,
        timestamp: Double, traceParent: String?, template: WorkItemTemplate
    ) {
        self.requestID = requestID
        self.totalItems = totalItems
        self.parameters = parameters
        self.reply = reply
        self.timestamp = timestamp
        self.traceParent = traceParent
        self.template = template
    }

    private var keyCount: UInt8 { traceParent == nil ? 24 : 25 }

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
        switch payload {
        case .item(let bytes):
            // Nearly all work items: what stands behind the item is prepared.
            writer.writeRaw(bytes)
            writer.writeRaw(Self.noReference)
            writer.writeRaw(parameters.middle)
            writer.writeRaw(Self.noScores)
        case .itemReference(let key):
            writer.writeNil()
            writer.write("payload_ref" as StaticString)
            writer.write(key)
            writer.writeRaw(parameters.middle)
            writer.writeRaw(Self.noScores)
        case .score(let query, let items):
            writer.writeNil()
            writer.writeRaw(Self.noReference)
            writer.writeRaw(parameters.middle)
            writer.write("query_item" as StaticString)
            writer.writeRaw(query)
            writer.write("query_payload_ref" as StaticString)
            writer.writeNil()
            writer.write("score_items" as StaticString)
            writer.writeRaw(items)
        case .scoreReference(let key):
            writer.writeNil()
            writer.writeRaw(Self.noReference)
            writer.writeRaw(parameters.middle)
            writer.write("query_item" as StaticString)
            writer.writeNil()
            writer.write("query_payload_ref" as StaticString)
            writer.write(key)
            writer.write("score_items" as StaticString)
            writer.writeNil()
        case nil:
            writer.writeNil()
            writer.writeRaw(Self.noReference)
            writer.writeRaw(parameters.middle)
            writer.writeRaw(Self.noScores)
        }
        writer.writeRaw(parameters.end)
        writer.writeRaw(template.origin)
        writer.write("reply_subject" as StaticString)
        if let reply { writer.write(reply.prefix, reply.rest) } else { writer.writeNil() }
        writer.write("timestamp" as StaticString)
        writer.write(timestamp)
        if let traceParent {
            writer.write("traceparent" as StaticString)
            writer.write(traceParent)
        }
    }

    /// `payload_ref`, nil.
    private static let noReference = encoded(nils: ["payload_ref"])
    /// `query_item`, `query_payload_ref` and `score_items`, nil each.
    private static let noScores = encoded(nils: ["query_item", "query_payload_ref", "score_items"])

    private static func encoded(nils keys: [String]) -> [UInt8] {
        var writer = MessagePackWriter(capacity: 64)
        for key in keys {
            writer.write(key)
            writer.writeNil()
        }
        return writer.bytes
    }
}

extension MessagePackWriter {
    /// The string `text.number`, made in place.
    fileprivate mutating func write(_ text: String, dotted number: Int) {
        // At most 15 digits and a point stay inside the string's own words.
        write(text, number == 0 ? ".0" : "." + String(number))
    }

    /// The string `first` + `second`, made in place.
    fileprivate mutating func write(_ first: String, _ second: String) {
        var (first, second) = (first, second)
        first.withUTF8 { first in
            second.withUTF8 { second in
                writeStringHeader(count: first.count + second.count)
                writeRaw(UnsafeRawBufferPointer(first))
                writeRaw(UnsafeRawBufferPointer(second))
            }
        }
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
