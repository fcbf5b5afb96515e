import NATSClient
import NIOCore
import Testing

@Suite("The table of awaited answers")
struct ReplyTableTests {
    private let later = NIODeadline.uptimeNanoseconds(1_000)

    @Test("a second answer to a request reaches nobody, not even the slot's next user")
    func lateAnswer() throws {
        var table = ReplyTable()
        let token = table.insert({ _ in }, deadline: later, frame: 1)
        #expect(table.remove(token) != nil)
        #expect(table.remove(token) == nil)
        let next = table.insert({ _ in }, deadline: later, frame: 2)
        #expect(next != token)
        #expect(table.remove(token) == nil)
        #expect(table.count == 1)
    }

    @Test("the token of what is answered once is used again after the answer")
    func recurringToken() {
        var table = ReplyTable()
        let token = table.insert({ _ in }, deadline: later, frame: 1, isAnsweredOnce: true)
        #expect(table.remove(token) != nil)
        #expect(table.insert({ _ in }, deadline: later, frame: 2, isAnsweredOnce: true) == token)
    }

    @Test("a token that was given up is not used again: its answer may still come")
    func expiredToken() {
        var table = ReplyTable()
        let expired = table.insert({ _ in }, deadline: later, frame: 1, isAnsweredOnce: true)
        #expect(table.removeExpired(now: later).count == 1)
        let lost = table.insert({ _ in }, deadline: later, frame: 2, isAnsweredOnce: true)
        #expect(lost != expired)
        #expect(table.removeAll(upToFrame: 2).count == 1)
        let next = table.insert({ _ in }, deadline: later, frame: 3, isAnsweredOnce: true)
        #expect(next != expired && next != lost)
        #expect(table.remove(expired) == nil)
        #expect(table.remove(lost) == nil)
        #expect(table.remove(next) != nil)
        #expect(table.count == 0)
    }
}
