import MessagePack
import TestSupport
import Testing
import Wire

@Suite("Several items in one message, and several results")
struct BatchTests {
    static func shared() -> WorkItem {
        var shared = WorkItem()
        shared.requestID = "0192f7a0-0000-7000-8000-000000000001"
        shared.totalItems = 9
        shared.modelID = "org/model"
        shared.pool = "default"
        shared.options = MessagePackWriter.encode(["normalize": true])
        shared.outputTypes = ["dense"]
        shared.replySubject = "_INBOX.gw.0192f7a0"
        shared.timestamp = 1_700_000_000.5
        shared.traceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        return shared
    }

    static let texts = (0..<5).map { MessagePackWriter.encode(["text": .string("text \($0)")]) }

    /// A batch of five texts, of which the fourth is stored elsewhere.
    static func message() -> [UInt8] {
        var writer = MessagePackWriter()
        let items = WorkItemWriter(shared())
        func write(_ index: Int, _ payloads: [(index: Int, payload: WorkItemWriter.Payload)]) {
            guard index < texts.count else { return items.write(batch: payloads, to: &writer) }
            if index == 3 { return write(index + 1, payloads + [(index + 2, .itemReference("key_5.bin"))]) }
            texts[index].withUnsafeBytes { write(index + 1, payloads + [(index + 2, .item($0))]) }
        }
        write(0, [])
        return writer.bytes
    }

    static func results() -> [WorkResult] {
        (0..<5).map { index in
            var result = WorkResult(
                workItemID: "", requestID: "0192f7a0", itemIndex: index * 70, outcome: .success([0x80]), workerID: "w")
            if index == 1 { result.outcome = .failure(message: "no", code: "inference_error") }
            if index == 2 { result.outcome = .failure(message: "", code: nil) }
            if index == 3 {
                result.outcome = .success([UInt8](repeating: 7, count: 70_000))
                result.timings.queue = -1.5
                result.timings.inference = 3
                result.timings.payloadFetch = 0
            }
            return result
        }
    }

    static func encoded(_ results: [WorkResult]) -> [UInt8] {
        var writer = MessagePackWriter()
        WorkResultBatch(results).write(to: &writer)
        return writer.bytes
    }

    @Test("the items of a batch are what their own messages would hold")
    func items() throws {
        let batch = try Self.message().withUnsafeBytes { try WorkItemBatch(decoding: $0) }
        #expect(batch.entries.map(\.index) == [2, 3, 4, 5, 6])
        for (position, entry) in batch.entries.enumerated() {
            var writer = MessagePackWriter()
            let items = WorkItemWriter(Self.shared())
            if position == 3 {
                items.write(.itemReference("key_5.bin"), index: entry.index, to: &writer)
            } else {
                Self.texts[position].withUnsafeBytes { items.write(.item($0), index: entry.index, to: &writer) }
            }
            let single = try writer.bytes.withUnsafeBytes { try WorkItem(decoding: $0) }
            #expect(batch.workItem(entry) == single)
        }
    }

    @Test("who reads a batch as a work item learns whose it is, and finds no item in it")
    func asWorkItem() throws {
        let item = try Self.message().withUnsafeBytes { try WorkItem(decoding: $0) }
        #expect(item.requestID == Self.shared().requestID && item.modelID == "org/model" && item.itemIndex == 2)
        #expect(item.item == nil && item.payloadRef == nil)
    }

    @Test("results survive the way, in order, with their times and errors")
    func results() throws {
        let bytes = Self.encoded(Self.results())
        #expect(bytes.withUnsafeBytes { WorkResultBatch.isBatch($0) })
        #expect(try bytes.withUnsafeBytes { try WorkResultBatch(decoding: $0) }.results == Self.results())
        var single = MessagePackWriter()
        Self.results()[0].write(to: &single)
        #expect(!single.bytes.withUnsafeBytes { WorkResultBatch.isBatch($0) })
    }

    @Test("results are shared out among messages by their size, none is lost and none comes before another")
    func messages() {
        let results = Self.results()
        #expect(WorkResultBatch.messages(of: results, bytes: 1 << 20).map(\.results) == [results])
        let small = WorkResultBatch.messages(of: results, bytes: 60_000)
        #expect(small.map { $0.results.count } == [3, 1, 1])
        #expect(small.flatMap(\.results) == results)
        #expect(WorkResultBatch.messages(of: [], bytes: 1).isEmpty)
        let many = (0..<200).map { WorkResult(workItemID: "", requestID: "r", itemIndex: $0, outcome: .success([])) }
        #expect(WorkResultBatch.messages(of: many, bytes: 1 << 20).map { $0.results.count } == [64, 64, 64, 8])
        for message in WorkResultBatch.messages(of: results, bytes: 100_000) where message.results.count > 1 {
            #expect(Self.encoded(message.results).count <= 100_000 + 64)
        }
    }

    @Test("a batch cut at any byte, or followed by one, is refused whole")
    func cut() {
        for message in [Self.message(), Self.encoded(Array(Self.results().prefix(3)))] {
            let isItems = message[0] == 0xde
            for count in 0..<message.count {
                #expect(Self.decodes(Array(message[..<count]), asItems: isItems) == false, "\(count)")
            }
            #expect(Self.decodes(message, asItems: isItems))
            #expect(!Self.decodes(message + [0], asItems: isItems))
        }
    }

    @Test("more items than a batch may have, none at all, and entries of other shapes are refused")
    func shapes() {
        func items(_ entries: MessagePackValue) -> Bool {
            Self.decodes(MessagePackWriter.encode(["request_id": "r", "work_items": entries]), asItems: true)
        }
        #expect(items([[0, ["text": "x"]]]))
        #expect(items(.array(Array(repeating: [0, nil, "key"], count: 64))))
        #expect(!items(.array(Array(repeating: [0, nil, "key"], count: 65))))
        for entries: MessagePackValue in [
            [], [[0]], [[0, nil, "key", 1]], [["0", nil]], [7], "x", nil, ["a": 1], [[0, nil, 5]],
        ] {
            #expect(!items(entries), "\(entries)")
        }
        #expect(!Self.decodes(MessagePackWriter.encode(["request_id": "r"]), asItems: true))
        func results(_ entries: MessagePackValue) -> Bool {
            Self.decodes(MessagePackWriter.encode(["r", nil, entries]), asItems: false)
        }
        let times: MessagePackValue = [nil, 0.0, 1, nil, nil, nil]
        let entry: MessagePackValue = [1, .binary([0x80]), times]
        #expect(results([]) && results([entry]) && results([[1, "no", nil]]))
        #expect(!results(.array(Array(repeating: entry, count: 65))))
        for entries: MessagePackValue in [
            [[1, .binary([]), []]], [[1, .binary([]), nil]], [[-1, .binary([]), times]], [[1, "no"]], [[1, nil, nil]],
            5,
            nil,
        ] {
            #expect(!results(entries), "\(entries)")
        }
        #expect(!Self.decodes(MessagePackWriter.encode(["", "w", []]), asItems: false))
    }

    @Test("bytes that were changed anywhere never break a reader", arguments: [false, true])
    func fuzzed(asItems: Bool) {
        var random = SeededGenerator(seed: asItems ? 11 : 12)
        let whole = asItems ? Self.message() : Self.encoded(Array(Self.results().prefix(3)))
        var refused = 0
        for _ in 0..<50_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            if !Self.decodes(bytes, asItems: asItems) { refused += 1 }
        }
        #expect(refused > 10_000)
    }

    private static func decodes(_ bytes: [UInt8], asItems: Bool) -> Bool {
        bytes.withUnsafeBytes { bytes in
            if asItems {
                guard let batch = try? WorkItemBatch(decoding: bytes) else { return false }
                return (1...WorkItemBatch.maximumItems).contains(batch.entries.count)
            }
            guard let batch = try? WorkResultBatch(decoding: bytes) else { return false }
            return batch.results.count <= WorkItemBatch.maximumItems
        }
    }

    @Test("subjects and streams of batches are none of single items, whatever the names")
    func subjects() {
        let subject = Subjects.batch(model: "org/model.v1", pool: "l4")
        #expect(subject == "sie.batch.org__model_dot_v1.l4")
        #expect(Subjects.work(ofBatchSubject: subject) == Subjects.work(model: "org/model.v1", pool: "l4"))
        #expect(Subjects.modelToken(ofBatchSubject: subject) == "org__model_dot_v1")
        #expect(Subjects.modelToken(ofWorkSubject: subject) == nil)
        #expect(Subjects.modelToken(ofBatchSubject: Subjects.work(model: "m", pool: "l4")) == nil)
        #expect(Subjects.batchStream(pool: "l4") == "WORK_BATCH_l4")
    }

    @Test("capabilities are said where there are any, and read whatever they are")
    func capabilities() throws {
        var status = WorkerStatus()
        let silent = status.encodedJSON()
        #expect(!String(decoding: silent, as: UTF8.self).contains("capabilities"))
        status.capabilities = [WorkerStatus.Capability.batchedItems]
        let said = try status.encodedJSON().withUnsafeBytes { try WorkerStatus(decodingJSON: $0) }
        #expect(said.capabilities == ["work_items/batches"])
        for odd in [#"{"capabilities":null}"#, #"{"capabilities":{}}"#, #"{"capabilities":[1,null]}"#] {
            #expect(try Array(odd.utf8).withUnsafeBytes { try WorkerStatus(decodingJSON: $0) }.capabilities == [])
        }
    }
}
