import TestSupport
import Testing
import Worker

@Suite("What the pull loop may ask for")
struct PullCreditTests {
    @Test("a new pull asks for the whole window, and each settled message makes room for one")
    func steady() {
        var credit = PullCredit(window: 3)
        #expect(credit.started() == 3)
        for _ in 0..<3 { #expect(credit.received() == 0) }
        #expect(credit.settled() == 1)
        #expect(credit.settled() == 1)
        #expect((credit.held, credit.asked) == (1, 2))
    }

    @Test("what is settled between two pulls counts once, in the new pull")
    func betweenPulls() {
        var credit = PullCredit(window: 4)
        #expect(credit.started() == 4)
        for _ in 0..<4 { #expect(credit.received() == 0) }
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
                #expect(credit.received() == 0)
            default:
                if credit.held > 0 { asked += credit.settled() }
            }
            #expect(credit.asked == asked)
            #expect(isPulling ? credit.held + credit.asked == window : credit.asked == 0)
        }
    }

    @Test("messages count as full until they are here; small ones leave room for more")
    func smallMessages() {
        var credit = PullCredit(window: 256, largestMessage: 64)
        #expect(credit.started() == 4)
        // Three items, where there might have been 64: a fourth message may come again.
        #expect(credit.received(items: 3) == 0)
        #expect((credit.held, credit.asked) == (3, 3))
        #expect(credit.settled(items: 3) == 1)
        #expect(credit.received(items: 64) == 0)
        #expect(credit.received(items: 64) == 0)
        #expect(credit.received(items: 64) == 0)
        #expect(credit.received(items: 64) == 0)
        #expect((credit.held, credit.asked) == (256, 0))
        #expect(credit.settled(items: 64) == 1)
    }

    @Test("a window smaller than a message still lets one in, when nothing is held")
    func narrow() {
        var credit = PullCredit(window: 10, largestMessage: 64)
        #expect(credit.started() == 1)
        #expect(credit.received(items: 2) == 0)
        #expect(credit.settled(items: 2) == 1)
    }

    @Test("with messages of any size, no more is held than the window, and pulling never stops", arguments: 0..<20)
    func sizes(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let window = Int.random(in: 64...512, using: &generator)
        var credit = PullCredit(window: window, largestMessage: 64)
        var asked = credit.started()
        var messages: [Int] = []
        for _ in 0..<5000 {
            if asked > 0, Bool.random(using: &generator) || messages.isEmpty {
                messages.append(Int.random(in: 1...64, using: &generator))
                asked += credit.received(items: messages[messages.count - 1]) - 1
            } else if !messages.isEmpty {
                asked += credit.settled(items: messages.remove(at: Int.random(in: messages.indices, using: &generator)))
            }
            #expect(credit.asked == asked && credit.held == messages.reduce(0, +))
            #expect(credit.held + credit.asked * 64 <= window)
            #expect(credit.held > window - 64 || asked > 0)
        }
    }
}
