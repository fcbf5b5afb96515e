import MessagePack
import TestSupport
import Testing
import Wire

@Suite("Items of several requests in one message, and their results")
struct CoalescedItemsTests {
    /// Work items of different requests, as messages of their own would hold them.
    static func items(_ count: Int) -> [[UInt8]] {
        (0..<count).map { number in
            var shared = BatchTests.shared()
            shared.requestID = "request-\(number)"
            shared.replySubject = "_INBOX.gw.request-\(number)"
            shared.isQuery = number % 2 == 1
            shared.traceParent = number == 2 ? nil : shared.traceParent
            var writer = MessagePackWriter()
            let text = MessagePackWriter.encode(["text": .string("text \(number)")])
            text.withUnsafeBytes { WorkItemWriter(shared).write(.item($0), index: 0, to: &writer) }
            return writer.bytes
        }
    }

    static func message(_ items: [[UInt8]]) -> [UInt8] {
        MessagePackWriter.encode(.array(items.map { .binary($0) }))
    }

    static func split(_ bytes: [UInt8]) -> [[UInt8]]? {
        bytes.withUnsafeBytes { bytes in (try? CoalescedItems.split(bytes))?.map { Array($0) } }
    }

    static func itemCount(_ bytes: [UInt8]) -> Int? { bytes.withUnsafeBytes { CoalescedItems.itemCount($0) } }

    static func isWorkItem(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { (try? WorkItem(decoding: $0)) != nil }
    }

    static func results() -> [WorkResult] {
        BatchTests.results().enumerated().map { number, result in
            var result = result
            result.requestID = "request-\(number % 3)"
            return result
        }
    }

    static func decoded(_ bytes: [UInt8]) -> [WorkResult]? {
        bytes.withUnsafeBytes { (try? WorkResultBatch(decoding: $0))?.results }
    }

    @Test("what a writer puts before the items makes a message of them")
    func written() {
        let items = Self.items(3)
        var bytes = CoalescedItems.header(itemCount: 3)
        for item in items {
            bytes.append(CoalescedItems.itemMarker)
            withUnsafeBytes(of: UInt32(item.count).bigEndian) { bytes += $0 }
            bytes += item
        }
        #expect(Self.split(bytes) == items)
    }

    @Test("each item comes out as it went in, byte for byte", arguments: [1, 2, 15, 16, 64])
    func unchanged(count: Int) {
        let items = Self.items(count)
        let message = Self.message(items)
        #expect(Self.split(message) == items)
        #expect(Self.itemCount(message) == count)
    }

    @Test("a coalesced message, a batch and a single item are told apart by their first byte")
    func kinds() {
        func isCoalesced(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { CoalescedItems.isCoalesced($0) } }
        #expect(isCoalesced(Self.message(Self.items(1))) && isCoalesced(Self.message(Self.items(16))))
        #expect(!isCoalesced(BatchTests.message()) && !isCoalesced(Self.items(1)[0]) && !isCoalesced([]))
        #expect(Self.itemCount(BatchTests.message()) == nil && Self.itemCount([]) == nil)
        // A reader of single items takes none of them for one.
        #expect(!Self.isWorkItem(Self.message(Self.items(2))) && Self.isWorkItem(Self.items(1)[0]))
    }

    @Test("an item that is none is handed out with the others; whoever reads it finds out")
    func stranger() {
        let items = [Self.items(1)[0], [0xC0], Self.items(2)[1]]
        #expect(Self.split(Self.message(items)) == items)
    }

    @Test("a message cut at any byte, or followed by one, or with no items or too many, is refused whole")
    func refused() {
        let message = Self.message(Self.items(3))
        for count in 0..<message.count { #expect(Self.split(Array(message[..<count])) == nil, "\(count)") }
        #expect(Self.split(message + [0]) == nil)
        #expect(Self.split([0x90]) == nil && Self.split([0x80]) == nil)
        func repeated(_ item: [UInt8], count: UInt8) -> [UInt8] {
            [0xdc, 0, count] + Array(repeating: item, count: Int(count)).flatMap(\.self)
        }
        let many = repeated([0xc4, 0], count: 65)
        #expect(Self.split(many) == nil)
        #expect(Self.itemCount(many) == CoalescedItems.maximumItems)
        #expect(Self.split(repeated([0xc4, 0], count: 64))?.count == 64)
        // Items that are not wrapped.
        #expect(Self.split(repeated([0xc0], count: 64)) == nil)
        #expect(Self.split([0x91] + Self.items(1)[0]) == nil)
        // A count that no message can hold is not believed.
        #expect(Self.split([0xdd, 0xff, 0xff, 0xff, 0xff]) == nil)
        #expect(Self.itemCount([0xdd, 0xff, 0xff, 0xff, 0xff]) == nil)
    }

    @Test("results of several requests survive the way, each under its own request, with times and errors")
    func resultsOfSeveral() {
        let bytes = BatchTests.encoded(Self.results())
        #expect(bytes.withUnsafeBytes { WorkResultBatch.isBatch($0) })
        #expect(bytes.first == 0x92)
        #expect(Self.decoded(bytes) == Self.results())
        #expect(BatchTests.encoded(BatchTests.results()).first == 0x93)
        let messages = WorkResultBatch.messages(of: Self.results(), bytes: 60_000)
        #expect(messages.flatMap(\.results) == Self.results())
        for message in messages where message.results.count > 1 {
            #expect(BatchTests.encoded(message.results).count <= 60_000 + 64)
        }
    }

    @Test("results of several requests are refused whole where they are cut, followed, or of other shapes")
    func brokenResults() {
        let bytes = BatchTests.encoded(Array(Self.results().prefix(3)))
        for count in 0..<bytes.count { #expect(Self.decoded(Array(bytes[..<count])) == nil, "\(count)") }
        #expect(Self.decoded(bytes + [0]) == nil)
        let times: MessagePackValue = [nil, 0.0, 1, nil, nil, nil]
        let entry: MessagePackValue = ["r", 1, .binary([0x80]), times]
        func isRead(_ entries: MessagePackValue) -> Bool {
            Self.decoded(MessagePackWriter.encode(["w", entries])) != nil
        }
        #expect(isRead([]) && isRead([entry]) && isRead([entry, ["s", 0, "no", nil]]))
        #expect(isRead(.array(Array(repeating: entry, count: 64))))
        #expect(!isRead(.array(Array(repeating: entry, count: 65))))
        for entries: MessagePackValue in [
            [[1, .binary([0x80]), times]], [["", 1, .binary([0x80]), times]], [[nil, 1, .binary([]), times]],
            [["r", -1, .binary([]), times]], [["r", 1, .binary([]), []]], [["r", 1, "no"]], "x", nil,
        ] {
            #expect(!isRead(entries), "\(entries)")
        }
        #expect(Self.decoded(MessagePackWriter.encode(["w"])) == nil)
        #expect(Self.decoded(MessagePackWriter.encode(["w", "r", [], []])) == nil)
    }

    @Test("bytes that were changed anywhere never break a reader", arguments: [false, true])
    func fuzzed(isItems: Bool) {
        var random = SeededGenerator(seed: isItems ? 21 : 22)
        let whole = isItems ? Self.message(Self.items(5)) : BatchTests.encoded(Array(Self.results().prefix(3)))
        var refused = 0
        for _ in 0..<50_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            let count = isItems ? Self.split(bytes)?.count : Self.decoded(bytes)?.count
            if let count { #expect(count <= CoalescedItems.maximumItems) } else { refused += 1 }
        }
        #expect(refused > 5_000)
    }

    @Test(
        "a reply subject is a gateway's where it has the form that gateways give, ending in the request's id",
        arguments: [
            ("_INBOX.gw-1.r1", "r1", "gw-1"), ("_INBOX.gw.r1", "r2", nil), ("_INBOX.r1", "r1", nil),
            ("_INBOX..r1", "r1", nil), ("_INBOX.a.b.r1", "r1", nil), ("_INBOX.gw.xr1", "r1", nil),
            ("inbox.gw.r1", "r1", nil), ("_INBOX.gw.", "", nil), ("", "r1", nil), ("_INBOX.gw.r1 ", "r1", nil),
        ] as [(String, String, String?)])
    func gateways(subject: String, request: String, gateway: String?) {
        #expect(Subjects.gateway(ofReply: subject, request: request).map(String.init) == gateway)
    }

    @Test("the inbox of a request is its gateway's")
    func inbox() {
        let subject = Subjects.results(router: "4f1c", request: "0192f7a0")
        #expect(Subjects.gateway(ofReply: subject, request: "0192f7a0") == "4f1c")
    }
}
