import Operator
import Testing

@Suite("The pace of writes to the config service")
struct WritePaceTests {
    @Test("what is new goes at once and then fifty a second; what only repairs, ten at once and then five a second")
    func rates() {
        var pace = WritePace(perSecond: 5, bulkPerSecond: 50)
        let new = (0..<100).map { _ in pace.take(isRepair: false, now: .zero) }
        #expect(new.prefix(50).allSatisfy { $0 == .zero })
        #expect(new.last == .seconds(1))
        // Neither waits behind the other.
        let repairs = (0..<20).map { _ in pace.take(isRepair: true, now: .zero) }
        #expect(repairs.prefix(10).allSatisfy { $0 == .zero })
        #expect(repairs.last == .seconds(2))
        // What has waited is made up for.
        #expect(pace.take(isRepair: false, now: .seconds(2)) == .zero)
        #expect(pace.take(isRepair: true, now: .seconds(3)) == .zero)
    }

    @Test(
        "a service that is slow or in trouble gets five a second of everything, until it answers fast again",
        arguments: [(Int?.none, 1), (503, 1), (500, 1), (429, 1), (201, 201)])
    func trouble(status: Int?, milliseconds: Int) {
        var pace = WritePace(perSecond: 5, bulkPerSecond: 50)
        pace.answered(status, after: .milliseconds(milliseconds))
        let waits = (0..<15).map { _ in pace.take(isRepair: false, now: .zero) }
        #expect(waits.last == .seconds(1))
        pace.answered(201, after: .milliseconds(20))
        #expect(pace.take(isRepair: false, now: .zero) == .zero)
    }

    @Test("an answer that refuses a model says nothing about how busy the service is", arguments: [201, 400, 409, 422])
    func refusal(status: Int) {
        var pace = WritePace(perSecond: 1, bulkPerSecond: 20)
        pace.answered(status, after: .milliseconds(900))
        let waits = (0..<20).map { _ in pace.take(isRepair: false, now: .zero) }
        #expect(waits.allSatisfy { $0 == .zero })
    }

    @Test("what is new is never slower than what repairs")
    func order() {
        var pace = WritePace(perSecond: 100, bulkPerSecond: 1)
        let waits = (0..<100).map { _ in pace.take(isRepair: false, now: .zero) }
        #expect(waits.allSatisfy { $0 == .zero })
    }
}
