import FoundationEssentials
import JSONStream
import MessagePack
import TestSupport
import Testing
import Wire

/// The golden messages of the original implementation.
enum WireFixture {
    static func entries(_ name: String) throws -> [JSONValue] {
        let document = try JSONReader.decode(Fixtures.data("worker/\(name).json"))
        return try #require(document.arrayValue)
    }

    static func bytes(_ entry: JSONValue) throws -> [UInt8] {
        let text = try #require(entry["hex"]?.stringValue)
        return try #require(Hex.bytes(text))
    }
}

@Suite("Messages of the original")
struct FixtureTests {
    @Test("every recorded work item decodes to what it means")
    func workItems() throws {
        for entry in try WireFixture.entries("work_items") {
            let name = entry["name"]?.stringValue ?? ""
            let decoded = try #require(entry["decoded"])
            let item = try WireFixture.bytes(entry).withUnsafeBytes { try WorkItem(decoding: $0) }
            #expect(item.requestID == decoded["request_id"]?.stringValue, "\(name)")
            #expect(item.workItemID == decoded["work_item_id"]?.stringValue, "\(name)")
            #expect(item.itemIndex == decoded["item_index"]?.intValue, "\(name)")
            #expect(item.modelID == decoded["model_id"]?.stringValue ?? "", "\(name)")
            #expect(item.operation == decoded["operation"]?.stringValue ?? "encode", "\(name)")
            #expect(item.replySubject == decoded["reply_subject"]?.stringValue, "\(name)")
            #expect(item.outputTypes == decoded["output_types"]?.arrayValue?.compactMap(\.stringValue), "\(name)")
            #expect(item.instruction == decoded["instruction"]?.stringValue, "\(name)")
            #expect((item.item == nil) == (decoded["item"].map(\.isNull) ?? true), "\(name)")
        }
    }

    @Test("an item written by us has the bytes of the reference gateway")
    func writesWorkItems() throws {
        let entries = try WireFixture.entries("work_items")
        let entry = try #require(entries.first { $0["name"] == "encode_text_gateway_shape" })
        let expected = try WireFixture.bytes(entry)
        let item = try expected.withUnsafeBytes { try WorkItem(decoding: $0) }
        var writer = MessagePackWriter()
        let payload = try #require(item.item)
        payload.withUnsafeBytes { WorkItemWriter(item).write(.item($0), index: item.itemIndex, to: &writer) }
        #expect(Hex.text(writer.bytes) == Hex.text(expected))
    }

    @Test("every recorded result decodes, and writing it again gives the same bytes")
    func results() throws {
        for entry in try WireFixture.entries("results") where entry["hex"]?.stringValue != nil {
            let name = entry["name"]?.stringValue ?? ""
            let bytes = try WireFixture.bytes(entry)
            let result = try bytes.withUnsafeBytes { try WorkResult(decoding: $0) }
            var writer = MessagePackWriter()
            result.write(to: &writer)
            #expect(Hex.text(writer.bytes) == Hex.text(bytes), "\(name)")
            bytes.withUnsafeBytes { buffer in
                let id = WorkResult.requestID(in: buffer).map { String(decoding: $0, as: UTF8.self) }
                #expect(id == result.requestID, "\(name)")
            }
        }
    }

    @Test("numpy arrays are read and written byte for byte")
    func numpyArrays() throws {
        for entry in try WireFixture.entries("numpy_values") {
            let name = entry["name"]?.stringValue ?? ""
            let bytes = try WireFixture.bytes(entry)
            guard let decoded = entry["decoded"], decoded["__ndarray__"] == true else { continue }
            try bytes.withUnsafeBytes { buffer in
                var reader = MessagePackReader(buffer)
                let view = try #require(NumpyView(reading: &reader), "\(name)")
                #expect(reader.isAtEnd, "\(name)")
                #expect(view.type.rawValue == decoded["dtype"]?.stringValue, "\(name)")
                #expect(view.shape == decoded["shape"]?.arrayValue?.compactMap(\.intValue), "\(name)")
                #expect(Hex.text(view.data) == decoded["data_hex"]?.stringValue, "\(name)")
                var writer = MessagePackWriter()
                NumpyArray(type: view.type, shape: view.shape, data: [UInt8](view.data)).write(to: &writer)
                #expect(Hex.text(writer.bytes) == Hex.text(bytes), "\(name)")
            }
        }
    }

    @Test("subjects and their tokens are those of the original")
    func subjects() throws {
        for entry in try WireFixture.entries("subjects") {
            guard let model = entry["model_id"]?.stringValue, let token = entry["normalized"]?.stringValue else {
                continue
            }
            #expect(Subjects.token(forModel: model) == token)
            #expect(Subjects.model(fromToken: token) == entry["denormalized"]?.stringValue)
            #expect(Subjects.work(model: model, pool: "l4") == entry["work_subject_pool_l4"]?.stringValue)
        }
    }

    @Test("vectors are quantised as the original does")
    func quantisation() throws {
        for entry in try WireFixture.entries("quantization") {
            let name = entry["name"]?.stringValue ?? ""
            let rows = try #require(entry["input"]?.arrayValue)
            for dtype in OutputDType.allCases {
                guard let expected = entry[dtype.rawValue]?["hex"]?.stringValue else { continue }
                var output: [UInt8] = []
                for row in rows {
                    let values = try #require(row.arrayValue).compactMap(\.doubleValue).map(Float.init)
                    values.withUnsafeBufferPointer { dtype.append($0, to: &output) }
                }
                #expect(Hex.text(output) == expected, "\(name) \(dtype)")
            }
        }
    }

    @Test("a status message of the original decodes, and ours has its keys")
    func workerStatus() throws {
        let data = try Fixtures.data("worker/ws_status_message.json")
        let status = try data.withUnsafeBytes { try WorkerStatus(decodingJSON: $0) }
        #expect(status.ready && status.name == "worker-0" && status.poolName == "l4-default")
        #expect(status.loadedModels == ["org/alpha"] && status.totalQueueDepth == 3)
        #expect(status.totalMemoryUsedBytes == 2_147_483_648)
        let theirs = try JSONReader.decode(data)
        let ours = try JSONReader.decode(status.encodedJSON())
        #expect(Set(ours.objectValue?.map(\.key) ?? []) == Set(theirs.objectValue?.map(\.key) ?? []))
        #expect(ours["models"]?.arrayValue?.count == theirs["models"]?.arrayValue?.count)
    }

    @Test("a configuration delta survives a round trip")
    func configDelta() throws {
        let entries = try WireFixture.entries("config_delta")
        let payload = try #require(entries.first?["payload_json"])
        let delta = try JSONWriter.encode(payload).withUnsafeBytes { try ConfigDelta(decoding: $0) }
        #expect(delta.producerID == "sie-config-0" && delta.epoch == 7 && delta.modelID == "org/alpha")
        #expect(!delta.isEpochBump)
        #expect(try delta.encoded().withUnsafeBytes { try ConfigDelta(decoding: $0) } == delta)
    }
}
