import JSONStream
import MessagePack
import TestSupport
import Testing
import Wire

@Suite("Rules of our messages")
struct MessageRuleTests {
    private func decode(_ value: MessagePackValue) throws -> WorkResult {
        try MessagePackWriter.encode(value).withUnsafeBytes { try WorkResult(decoding: $0) }
    }

    @Test("a result needs nothing but its request id")
    func minimalResult() throws {
        let result = try decode(["request_id": "r"])
        #expect(result.itemIndex == 0 && result.outcome == .failure(message: "", code: nil))
        #expect(throws: (any Error).self) { try decode(["item_index": 1]) }
    }

    @Test("nil result bytes are taken for none")
    func nilBlob() throws {
        #expect(try decode(["request_id": "r", "success": true, "result_msgpack": nil]).outcome == .success([]))
    }

    @Test("unknown keys of a result are passed over, whatever their values")
    func unknownKeys() throws {
        let result = try decode(["future": [1, ["a": nil]], "request_id": "r", "more": 2.5])
        #expect(result.requestID == "r")
    }

    @Test("the request id is found wherever its key stands, and nothing in arrays or garbage")
    func shallowScan() {
        func scan(_ bytes: [UInt8]) -> String? {
            bytes.withUnsafeBytes { WorkResult.requestID(in: $0).map { String(decoding: $0, as: UTF8.self) } }
        }
        #expect(scan(MessagePackWriter.encode(["a": [1, 2], "b": nil, "c": 70_000, "request_id": "x"])) == "x")
        #expect(scan(MessagePackWriter.encode(["request_id", "x"])) == nil)
        #expect(scan([]) == nil && scan([0x82, 0xa1]) == nil && scan([0xc1]) == nil)
    }

    @Test("a wrongly typed field of a work item is named")
    func namesTheField() {
        let bytes = MessagePackWriter.encode(["request_id": "r", "item_index": "one"])
        do {
            _ = try bytes.withUnsafeBytes { try WorkItem(decoding: $0) }
            Issue.record("decoded")
        } catch {
            #expect("\(error)".contains("item_index"))
        }
    }

    @Test("request ids are version 7, sorted by time and unique")
    func requestIDs() {
        var generator = SeededGenerator(seed: 8)
        let ids = (0..<1000).map { RequestID.make(milliseconds: 1_700_000_000_000 + $0, using: &generator) }
        #expect(Set(ids).count == 1000 && ids == ids.sorted())
        for id in ids.prefix(10) {
            let characters = Array(id)
            #expect(characters.count == 36 && characters[14] == "7" && "89ab".contains(characters[19]))
        }
    }

    @Test(
        "pool names that would break a subject are refused",
        arguments: [
            "", "a.b", "a*b", "a>b", "a b", "ü", String(repeating: "a", count: 64),
        ])
    func invalidPools(name: String) {
        #expect(!Subjects.isValidPool(name))
    }

    @Test(
        "a delta without a required field, or with both producer names, is refused",
        arguments: [
            #"{"bundle_id":"b","epoch":1,"bundle_config_hash":""}"#,
            #"{"router_id":"r","epoch":1,"bundle_config_hash":""}"#,
            #"{"router_id":"r","bundle_id":"b","epoch":-1,"bundle_config_hash":""}"#,
            #"{"router_id":"r","producer_id":"p","bundle_id":"b","epoch":1,"bundle_config_hash":""}"#, "[]", "x",
        ])
    func invalidDeltas(json: String) {
        #expect(throws: WireError.self) { try Array(json.utf8).withUnsafeBytes { try ConfigDelta(decoding: $0) } }
    }

    @Test("a status message with a wrong type is refused, with absent fields it is defaulted")
    func statusTypes() throws {
        let empty = try Array("{}".utf8).withUnsafeBytes { try WorkerStatus(decodingJSON: $0) }
        #expect(!empty.ready && empty.name.isEmpty && empty.totalQueueDepth == 0)
        for json in [#"{"ready":1}"#, #"{"name":null}"#, #"{"loaded_models":[1]}"#, "[]"] {
            #expect(throws: WireError.self) {
                try Array(json.utf8).withUnsafeBytes { try WorkerStatus(decodingJSON: $0) }
            }
        }
        let compact = #"{"queue_depth":4,"memory_used_bytes":null}"#
        #expect(try Array(compact.utf8).withUnsafeBytes { try WorkerStatus(decodingBinary: $0) }.totalQueueDepth == 4)
    }
}

@Suite("MessagePack as JSON")
struct TranscodingTests {
    private func json(_ value: MessagePackValue) throws -> String {
        try json(MessagePackWriter.encode(value))
    }

    private func json(_ bytes: [UInt8]) throws -> String {
        try bytes.withUnsafeBytes { buffer in
            var reader = MessagePackReader(buffer)
            var writer = JSONWriter()
            try writer.write(next: &reader)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }

    @Test("scalars, binaries and odd keys follow the conversion rules")
    func scalars() throws {
        #expect(
            try json([nil, true, -3, .uint(.max), .float(0.1), .double(.nan)])
                == "[null,true,-3,18446744073709551615,0.10000000149011612,null]")
        #expect(try json(.binary([1, 255])) == "[1,255]")
        #expect(try json(.map([.init(.int(5), "a"), .init(.binary(Array("k".utf8)), "b")])) == #"{"5":"a","k":"b"}"#)
    }

    @Test("the array bytes Python writes become a list")
    func pythonArray() throws {
        let hex =
            "81a16185c4026e64c3c40474797065a33c6634c4046b696e64c400c40573686170659102c40464617461c4080000803f00000040"
        let bytes = try #require(Hex.bytes(hex))
        #expect(try json(bytes) == #"{"a":[1.0,2.0]}"#)
    }

    @Test("two dimensions nest, missing data ends the list, an unknown type stays a map")
    func shapes() throws {
        var writer = MessagePackWriter()
        NumpyArray(type: .int8, shape: [2, 2], data: [1, 2, 3, 0xff]).write(to: &writer)
        #expect(try json(writer.bytes) == "[[1,2],[3,-1]]")
        writer.removeAll()
        NumpyArray(type: .int8, shape: [9, 2], data: [1, 2, 3]).write(to: &writer)
        #expect(try json(writer.bytes) == "[[1,2],[3]]")
        #expect(
            try json(["nd": true, "type": "<u2", "data": .binary([1, 0])]) == #"{"nd":true,"type":"<u2","data":[1,0]}"#)
    }

    @Test("JSON becomes MessagePack with exact integers and the last of repeated keys")
    func fromJSON() throws {
        let value = try JSONReader.decode(#"{"a":1,"b":1.0,"a":[18446744073709551615,"x",null]}"#.utf8)
        var writer = MessagePackWriter()
        writer.write(value)
        #expect(try MessagePackReader.decode(writer.bytes) == ["a": [.uint(.max), "x", nil], "b": 1.0])
    }
}
