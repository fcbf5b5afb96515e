import Gateway
import MessagePack
import NIOCore
import Testing
import Wire

@Suite("What a score result has to name")
struct ScoreCandidatesTests {
    private func objection(to scores: MessagePackValue, sent: MessagePackValue) throws -> String? {
        let body: MessagePackValue = ["query": ["text": "q"], "items": sent]
        let request = try RequestScanner().scan(
            ByteBuffer(bytes: MessagePackWriter.encode(body)), operation: .score)
        return ScoreCandidates(of: request).objection(to: MessagePackWriter.encode(scores))
    }

    private func entries(_ names: String...) -> MessagePackValue {
        .array(names.map { ["item_id": .string($0), "score": 0.5] })
    }

    @Test("every item once, in any order: by its id, or else by its place")
    func right() throws {
        let sent: MessagePackValue = [["id": "a"], ["text": "x"], ["id": nil, "text": "y"], ["id": "d"]]
        #expect(try objection(to: entries("a", "item-1", "item-2", "d"), sent: sent) == nil)
        #expect(try objection(to: entries("d", "item-2", "item-1", "a"), sent: sent) == nil)
        #expect(try objection(to: [], sent: []) == nil)
        #expect(try objection(to: entries("same", "same"), sent: [["id": "same"], ["id": "same"]]) == nil)
        #expect(try objection(to: ["item_id": "a", "score": 1.0], sent: [["id": "a"]]) == nil)
    }

    @Test("others, too few, one twice or none at all are objected to")
    func wrong() throws {
        let sent: MessagePackValue = [["id": "a"], ["id": "b"], ["text": "c"]]
        let foreign = "the worker's result scores items that were not sent"
        #expect(try objection(to: entries("a", "b", "item-1"), sent: sent) == foreign)
        #expect(try objection(to: entries("a", "a", "item-2"), sent: sent) == foreign)
        #expect(try objection(to: entries("a", "b"), sent: sent) == "the worker's result scores 2 of 3 items")
        let nameless: MessagePackValue = [["item_id": "a"], ["score": 1.0], ["item_id": "item-2"]]
        #expect(try objection(to: nameless, sent: sent) == "the worker's result has a score without an item")
        let texts: MessagePackValue = ["a", "b", "item-2"]
        #expect(try objection(to: texts, sent: sent) == "the worker's result has a score without an item")
    }

    @Test("ids that the wire does not speak of leave it at the number")
    func odd() throws {
        for item: MessagePackValue in [["id": 5], ["id": ""], "no map"] {
            #expect(try objection(to: entries("whatever"), sent: [item]) == nil)
            #expect(try objection(to: entries("one", "two"), sent: [item]) != nil)
        }
    }
}
