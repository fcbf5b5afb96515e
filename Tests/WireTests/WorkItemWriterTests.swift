import MessagePack
import Testing
import Wire

@Suite("Writing work items")
struct WorkItemWriterTests {
    static let keys = [
        "work_item_id", "request_id", "item_index", "total_items", "operation", "model_id", "profile_id", "pool_name",
        "machine_profile", "item", "payload_ref", "output_types", "instruction", "is_query", "options", "query_item",
        "query_payload_ref", "score_items", "labels", "output_schema", "bundle_config_hash", "router_id",
        "reply_subject", "timestamp",
    ]

    static let encoded = MessagePackWriter.encode(["text": .string("a")])

    static func shared(_ change: (inout WorkItem) -> Void = { _ in }) -> WorkItem {
        var item = WorkItem()
        item.requestID = "request"
        item.totalItems = 3
        item.modelID = "org/mini"
        item.pool = "a"
        item.machineProfile = "cpu"
        item.bundleConfigHash = "hash"
        item.routerID = "gw"
        item.replySubject = "_INBOX.gw.request"
        item.timestamp = 1.5
        change(&item)
        return item
    }

    static func write(_ payload: WorkItemWriter.Payload, _ index: Int, with items: WorkItemWriter) -> [UInt8] {
        var writer = MessagePackWriter()
        items.write(payload, index: index, to: &writer)
        return writer.bytes
    }

    /// Nil where the bytes are no map of names.
    static func keys(of bytes: [UInt8]) -> [String]? {
        bytes.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            guard let count = try? reader.readMapHeader() else { return nil }
            var keys: [String] = []
            for _ in 0..<count {
                guard let key = try? reader.readString(), (try? reader.skip()) != nil else { return nil }
                keys.append(key)
            }
            return keys
        }
    }

    /// Nil where the bytes are no work item.
    static func decoded(_ bytes: [UInt8]) -> WorkItem? {
        bytes.withUnsafeBytes { try? WorkItem(decoding: $0) }
    }

    @Test("whatever the payload is, all keys of the reference stand in its order, and say what was written")
    func payloads() {
        let items = WorkItemWriter(Self.shared())
        Self.encoded.withUnsafeBytes { item in
            let payloads: [(WorkItemWriter.Payload, (inout WorkItem) -> Void)] = [
                (.item(item), { $0.item = Self.encoded }),
                (.itemReference("key"), { $0.payloadRef = "key" }),
                (
                    .score(query: item, items: item),
                    {
                        $0.query = Self.encoded
                        $0.scoreItems = Self.encoded
                    }
                ),
                (.scoreReference("key"), { $0.queryPayloadRef = "key" }),
            ]
            for (index, (payload, expect)) in payloads.enumerated() {
                let bytes = Self.write(payload, index * 60, with: items)
                var expected = Self.shared()
                expected.workItemID = "request.\(index * 60)"
                expected.itemIndex = index * 60
                expect(&expected)
                #expect(Self.decoded(bytes) == expected)
                #expect(Self.keys(of: bytes) == Self.keys)
            }
        }
    }

    @Test("what a request says to all of its items is in each of them, and a reply subject in two parts is whole")
    func parameters() {
        let shared = Self.shared {
            $0.outputTypes = ["dense"]
            $0.instruction = "find"
            $0.isQuery = true
            $0.options = [0x80]
            $0.labels = ["x", "y"]
            $0.outputSchema = [0x80]
            $0.traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        }
        let parameters = WorkItemParameters(
            outputTypes: shared.outputTypes, instruction: shared.instruction, isQuery: true, options: shared.options,
            labels: shared.labels, outputSchema: shared.outputSchema)
        let parts = WorkItemWriter(
            requestID: "request", totalItems: 3, parameters: parameters, reply: (prefix: "_INBOX.gw.", rest: "request"),
            timestamp: 1.5, traceParent: shared.traceParent, template: WorkItemTemplate(shared))
        Self.encoded.withUnsafeBytes { item in
            let bytes = Self.write(.item(item), 2, with: parts)
            #expect(bytes == Self.write(.item(item), 2, with: WorkItemWriter(shared)))
            var expected = shared
            expected.item = Self.encoded
            expected.itemIndex = 2
            expected.workItemID = "request.2"
            #expect(Self.decoded(bytes) == expected)
        }
    }
}
