import Gateway
import MessagePack
import NATSClient
import NIOCore
import Testing
import Wire

@Suite("Dead letters")
struct DeadLetterTests {
    static let advisory = DeadLetterAdvisory(
        stream: "WORK_POOL_default", consumer: "default_default", sequence: 7, deliveries: 20)

    static func stored(_ payload: ByteBuffer, subject: String = "sie.work.org__mini.default") -> DeadLetter.Message {
        DeadLetter.Message(subject: subject, payload: payload)
    }

    static func encoded(_ item: WorkItem) -> ByteBuffer {
        var writer = MessagePackWriter()
        let emptyMap: [UInt8] = [0x80]
        emptyMap.withUnsafeBytes { WorkItemWriter(item).write(.item($0), index: item.itemIndex, to: &writer) }
        return ByteBuffer(bytes: writer.bytes)
    }

    @Test("an advisory is read as the broker writes it, and anything else is none")
    func advisories() {
        let text = """
            {"type":"io.nats.jetstream.advisory.v1.max_deliver","id":"x","timestamp":"2026-01-01T00:00:00Z",
             "stream":"WORK_POOL_default","consumer":"default_default","stream_seq":7,"deliveries":20}
            """
        #expect(DeadLetterAdvisory(ByteBuffer(string: text)) == Self.advisory)
        let least = #"{"stream":"S","stream_seq":1}"#
        #expect(
            DeadLetterAdvisory(ByteBuffer(string: least))
                == DeadLetterAdvisory(stream: "S", consumer: "unknown", sequence: 1, deliveries: 0))
        for text in ["", "[]", "{}", #"{"stream":"S"}"#, #"{"stream":"","stream_seq":1}"#, #"{"stream_seq":1}"#] {
            #expect(DeadLetterAdvisory(ByteBuffer(string: text)) == nil, "\(text)")
        }
        #expect(DeadLetterAdvisory(ByteBuffer(string: #"{"stream":"S","stream_seq":-1}"#)) == nil)
    }

    @Test("a batch that is given up says whose it was too, and is moved like an item")
    func batch() {
        var item = WorkItem()
        item.requestID = "r1"
        item.modelID = "org/mini"
        item.pool = "default"
        var writer = MessagePackWriter()
        let emptyMap: [UInt8] = [0x80]
        emptyMap.withUnsafeBytes {
            WorkItemWriter(item).write(batch: [(index: 4, payload: .item($0)), (5, .item($0))], to: &writer)
        }
        let advisory = DeadLetterAdvisory(
            stream: "WORK_BATCH_default", consumer: "default_default", sequence: 9, deliveries: 20)
        let letter = DeadLetter(
            advisory, stored: Self.stored(ByteBuffer(bytes: writer.bytes), subject: "sie.batch.org__mini.default"),
            announced: ByteBuffer(string: "{}"))
        #expect(letter.subject == "sie.dlq.org__mini")
        #expect(letter.headers["Sie-Request-Id"] == "r1" && letter.headers["Sie-Item-Index"] == "4")
        #expect(letter.headers["Sie-Model"] == "org/mini" && letter.headers["Sie-Pool"] == "default")
        #expect(DeadLetter.pool(ofStream: "WORK_BATCH_default") == "default")
        #expect(DeadLetter.pool(ofStream: "WORK_BATCH_") == nil)
    }

    @Test("of a coalesced message that is given up, each item has a letter of its own")
    func coalesced() {
        let items = (0..<3).map { number in
            var item = WorkItem()
            item.requestID = "r\(number)"
            item.modelID = "org/mini"
            item.pool = "default"
            return Self.encoded(item)
        }
        let message = ByteBuffer(
            bytes: MessagePackWriter.encode(.array(items.map { .binary(Array($0.readableBytesView)) })))
        let advisory = DeadLetterAdvisory(
            stream: "WORK_BATCH_default", consumer: "default_default", sequence: 9, deliveries: 20)
        func letters(_ stored: DeadLetter.Message?) -> [DeadLetter] {
            DeadLetter.letters(advisory, stored: stored, announced: ByteBuffer(string: "{}"))
        }
        let subject = "sie.batch.org__mini.default"
        let each = letters(Self.stored(message, subject: subject))
        #expect(each.map(\.payload) == items)
        #expect(each.map { $0.headers["Sie-Request-Id"] } == ["r0", "r1", "r2"])
        #expect(each.map(\.messageID) == (0..<3).map { "WORK_BATCH_default.9.\($0)" })
        #expect(each.allSatisfy { $0.subject == "sie.dlq.org__mini" && $0.headers["Sie-Subject"] == subject })
        // What is damaged, elsewhere, or gone, has one letter.
        for stored in [
            Self.stored(message.getSlice(at: 0, length: 9) ?? message, subject: subject), Self.stored(message), nil,
        ] {
            #expect(letters(stored).map(\.messageID) == ["WORK_BATCH_default.9"])
        }
    }

    @Test("a letter holds the work item and says whose it was")
    func attributed() {
        var item = WorkItem()
        item.requestID = "r1"
        item.itemIndex = 3
        item.modelID = "org/mini"
        item.pool = "default"
        let payload = Self.encoded(item)
        let letter = DeadLetter(Self.advisory, stored: Self.stored(payload), announced: ByteBuffer(string: "{}"))
        #expect(letter.subject == "sie.dlq.org__mini")
        #expect(letter.messageID == "WORK_POOL_default.7")
        #expect(letter.payload == payload)
        #expect(
            letter.headers == [
                "Sie-Stream": "WORK_POOL_default", "Sie-Consumer": "default_default", "Sie-Stream-Sequence": "7",
                "Sie-Deliveries": "20", "Sie-Subject": "sie.work.org__mini.default", "Sie-Model": "org/mini",
                "Sie-Pool": "default", "Sie-Request-Id": "r1", "Sie-Item-Index": "3",
            ])
    }

    @Test("what is no work item is kept under what its subject and its stream say")
    func unreadable() {
        let payload = ByteBuffer(string: "junk")
        let letter = DeadLetter(Self.advisory, stored: Self.stored(payload), announced: ByteBuffer())
        #expect(letter.subject == "sie.dlq.org__mini")
        #expect(letter.payload == payload)
        #expect(letter.headers["Sie-Model"] == "org/mini" && letter.headers["Sie-Pool"] == "default")
        #expect(letter.headers["Sie-Request-Id"] == nil)
        let foreign = DeadLetter(
            Self.advisory, stored: Self.stored(payload, subject: "other"), announced: ByteBuffer())
        #expect(foreign.subject == "sie.dlq.WORK_POOL_default.7")
    }

    @Test("names that would break a header line are left out")
    func hostile() {
        var item = WorkItem()
        item.requestID = "r1\r\nSie-Pool: other"
        item.modelID = String(repeating: "m", count: 300)
        item.pool = "p\0"
        let letter = DeadLetter(Self.advisory, stored: Self.stored(Self.encoded(item)), announced: ByteBuffer())
        #expect(letter.headers["Sie-Request-Id"] == nil)
        #expect(letter.headers["Sie-Model"] == "org/mini" && letter.headers["Sie-Pool"] == "default")
    }

    @Test("where the message is gone the advisory is what is kept")
    func gone() {
        let announced = ByteBuffer(string: "{}")
        let letter = DeadLetter(Self.advisory, stored: nil, announced: announced)
        #expect(letter.subject == "sie.dlq.WORK_POOL_default.default_default.7")
        #expect(letter.payload == announced)
        #expect(letter.headers["Sie-Stream-Sequence"] == "7")
    }

    @Test("dead letters are kept for a day in a stream of the contract's name")
    func stream() {
        let configuration = DeadLetterStream.configuration
        #expect(configuration.name == "DEAD_LETTERS" && configuration.subjects == ["sie.dlq.>"])
        #expect(configuration.maxAge == .seconds(86_400))
        #expect(configuration.retention == .limits && configuration.storage == .memory)
        #expect(DeadLetterAdvisory.subject.hasPrefix("$JS.EVENT.ADVISORY"))
        #expect(DeadLetterAdvisory.subject.hasSuffix(">"))
        #expect(DeadLetter.pool(ofStream: "WORK_POOL_a") == "a")
        #expect(DeadLetter.pool(ofStream: "WORK_POOL_") == nil)
        #expect(DeadLetter.pool(ofStream: "ORDERS") == nil)
    }
}
