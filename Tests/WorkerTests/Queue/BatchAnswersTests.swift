import TestSupport
import Testing
import Wire
import Worker

@Suite("What has become of the items of a batch")
struct BatchAnswersTests {
    static func result(_ index: Int) -> WorkResult {
        WorkResult(workItemID: "", requestID: "r", itemIndex: index, outcome: .success([]))
    }

    @Test("only the last of its items completes a batch, in whatever order they end")
    func complete() {
        var answers = BatchAnswers(itemCount: 3)
        #expect(answers.answered(Self.result(2)) == false)
        #expect(answers.answered(Self.result(0)) == false)
        #expect(answers.answered(Self.result(1)) == true)
        #expect(answers.results.map(\.itemIndex) == [2, 0, 1])
        #expect(answers.givenBackFor == nil)
    }

    @Test("a batch is given back for as long as the most patient of its items")
    func givenBack() {
        var answers = BatchAnswers(itemCount: 3)
        #expect(answers.gaveBack(for: .seconds(5)) == false)
        #expect(answers.answered(Self.result(1)) == false)
        #expect(answers.gaveBack(for: .zero) == true)
        #expect(answers.results.map(\.itemIndex) == [1])
        #expect(answers.givenBackFor == .seconds(5))
    }
}
