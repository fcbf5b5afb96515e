import Testing
import Wire
import Worker

@Suite("Which results share a message")
struct ReplyGroupTests {
    static func answer(_ request: String, _ index: Int, to reply: String?) -> BatchAnswers.Answer {
        .init(WorkResult(workItemID: "", requestID: request, itemIndex: index, outcome: .success([])), to: reply)
    }

    @Test("results go together by gateway, in order; what has a subject of its own making goes by itself")
    func groups() {
        let answers = [
            Self.answer("a", 0, to: "_INBOX.one.a"), Self.answer("b", 0, to: "_INBOX.two.b"),
            Self.answer("c", 0, to: "_INBOX.one.c"), Self.answer("d", 0, to: nil), Self.answer("e", 0, to: ""),
            Self.answer("f", 0, to: "_INBOX.f"), Self.answer("g", 0, to: "_INBOX.g"),
            Self.answer("a", 1, to: "_INBOX.one.a"), Self.answer("f", 1, to: "_INBOX.f"),
        ]
        let groups = ReplyGroup.groups(of: answers)
        #expect(groups.map(\.reply) == ["_INBOX.one.a", "_INBOX.two.b", "_INBOX.f", "_INBOX.g"])
        #expect(groups.map { $0.results.map(\.requestID) } == [["a", "c", "a"], ["b"], ["f", "f"], ["g"]])
        #expect(ReplyGroup.groups(of: []).isEmpty)
    }
}
