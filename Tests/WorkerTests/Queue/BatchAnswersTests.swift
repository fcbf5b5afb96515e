import TestSupport
import Testing
import Wire
import Worker

@Suite("What has become of the items of a message with several")
struct BatchAnswersTests {
    typealias Answer = BatchAnswers.Answer

    static func answer(_ index: Int) -> Answer {
        Answer(WorkResult(workItemID: "", requestID: "r", itemIndex: index, outcome: .success([])), to: "_INBOX.g.r")
    }

    @Test("only the last of its items completes a batch, in whatever order they end")
    func complete() {
        var answers = BatchAnswers(itemCount: 3, pace: .together)
        #expect(answers.answered(Self.answer(2)) == false)
        #expect(answers.answered(Self.answer(0)) == false)
        #expect(answers.answered(Self.answer(1)) == true)
        #expect(answers.take() == .init(answers: [2, 0, 1].map { Self.answer($0) }, settlement: .acknowledge))
    }

    @Test("a batch is given back for as long as the most patient of its items")
    func givenBack() {
        var answers = BatchAnswers(itemCount: 3, pace: .together)
        #expect(answers.gaveBack(for: .seconds(5)) == false)
        #expect(answers.answered(Self.answer(1)) == false)
        #expect(answers.gaveBack(for: .zero) == true)
        #expect(answers.take() == .init(answers: [Self.answer(1)], settlement: .giveBack(for: .seconds(5))))
    }

    @Test("answers of different callers go out as they come; those that come before they are taken go together")
    func asReady() {
        var answers = BatchAnswers(itemCount: 5, pace: .asReady)
        #expect(answers.answered(Self.answer(3)) == true)
        #expect(answers.answered(Self.answer(1)) == false)
        #expect(answers.take() == .init(answers: [Self.answer(3), Self.answer(1)]))
        #expect(answers.answered(Self.answer(0)) == true)
        #expect(answers.leftOut() == false)
        #expect(answers.take() == .init(answers: [Self.answer(0)]))
        #expect(answers.answered(Self.answer(4)) == true)
        #expect(answers.take() == .init(answers: [Self.answer(4)], settlement: .acknowledge))
    }

    @Test("what has no answer ends a message too")
    func leftOut() {
        var answers = BatchAnswers(itemCount: 2, pace: .asReady)
        #expect(answers.leftOut() == false)
        #expect(answers.leftOut() == true)
        #expect(answers.take() == .init(answers: [], settlement: .acknowledge))
    }

    @Test("answers that could not be sent bring their message back")
    func failedToSend() {
        var answers = BatchAnswers(itemCount: 2, pace: .asReady)
        #expect(answers.answered(Self.answer(0)) == true)
        _ = answers.take()
        answers.failedToSend()
        #expect(answers.answered(Self.answer(1)) == true)
        #expect(answers.take() == .init(answers: [Self.answer(1)], settlement: .giveBack(for: .zero)))
    }

    @Test("whatever ends in whatever order, each answer is taken once, and the message settled once", arguments: 0..<20)
    func once(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for pace in [BatchAnswers.Pace.together, .asReady] {
            let count = Int.random(in: 1...64, using: &random)
            var answers = BatchAnswers(itemCount: count, pace: pace)
            var (given, taken): ([Answer], [Answer]) = ([], [])
            var (isDue, settlements) = (false, 0)
            func take() {
                let sending = answers.take()
                taken += sending.answers
                if sending.settlement != nil { settlements += 1 }
                #expect(sending.settlement != nil || !sending.answers.isEmpty)
                isDue = false
            }
            for index in 0..<count {
                let asks: Bool
                switch Int.random(in: 0..<8, using: &random) {
                case 0: asks = answers.leftOut()
                case 1: asks = answers.gaveBack(for: .seconds(index))
                default:
                    given.append(Self.answer(index))
                    asks = answers.answered(Self.answer(index))
                }
                // Told once until it is done.
                #expect(!(isDue && asks))
                if asks { isDue = true }
                if isDue, pace == .together || Bool.random(using: &random) { take() }
            }
            if isDue { take() }
            #expect(taken == given)
            #expect(settlements == 1)
        }
    }
}
