import TestSupport
import Testing
import Worker

@Suite("What the pull loop may ask for")
struct PullCreditTests {
    @Test("a new pull asks for the whole window, and each settled message makes room for one")
    func steady() {
        var credit = PullCredit(window: 3)
        #expect(credit.started() == 3)
        for _ in 0..<3 { credit.received() }
        #expect(credit.settled() == 1)
        #expect(credit.settled() == 1)
        #expect((credit.held, credit.asked) == (1, 2))
    }

    @Test("what is settled between two pulls counts once, in the new pull")
    func betweenPulls() {
        var credit = PullCredit(window: 4)
        #expect(credit.started() == 4)
        for _ in 0..<4 { credit.received() }
        credit.stopped()
        #expect(credit.settled() == 0)
        #expect(credit.settled() == 0)
        #expect(credit.started() == 2)
        #expect(credit.settled() == 1)
    }

    @Test("while pulling, held and asked for make the window, whatever happens in whatever order", arguments: 0..<20)
    func window(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let window = Int.random(in: 1...64, using: &generator)
        var credit = PullCredit(window: window)
        var isPulling = false
        var asked = 0
        for _ in 0..<2000 {
            switch Int.random(in: 0..<8, using: &generator) {
            case 0:
                credit.stopped()
                isPulling = false
                asked = 0
            case 1:
                asked = credit.started()
                isPulling = true
            case 2...4 where asked > 0:
                asked -= 1
                credit.received()
            default:
                if credit.held > 0 { asked += credit.settled() }
            }
            #expect(credit.asked == asked)
            #expect(isPulling ? credit.held + credit.asked == window : credit.asked == 0)
        }
    }
}
