import Testing
import Worker

@Suite("The ledger of deliveries")
struct DeliveryLedgerTests {
    @Test("a delivery is settled once")
    func settlesOnce() throws {
        var ledger = DeliveryLedger(ackWait: 30)
        let received = ledger.received(now: 0)
        let id = try #require(received)
        #expect(ledger.outstanding == 1)
        let settled = [ledger.settled(id), ledger.settled(id)]
        #expect(settled == [true, false])
        #expect(ledger.outstanding == 0)
    }

    @Test("a delivery is announced before its acknowledgement time ends, and then starts afresh")
    func announces() throws {
        var ledger = DeliveryLedger(ackWait: 30)
        let received = [ledger.received(now: 0), ledger.received(now: 10)].compactMap(\.self)
        try #require(received.count == 2)
        let announced = [14, 16, 17, 25, 31].map { ledger.inProgress(now: $0) }
        // Called every ack wait / 8, no delivery ever comes closer to its end than a quarter of the time.
        #expect(announced == [[], [received[0]], [], [received[1]], [received[0]]])
    }

    @Test("a drain gives back what has not started, keeps what runs, and takes nothing new")
    func drains() throws {
        var ledger = DeliveryLedger(ackWait: 30)
        let received = (0..<3).compactMap { _ in ledger.received(now: 0) }
        try #require(received.count == 3)
        ledger.started(received[0])
        let givenBack = ledger.drain()
        #expect(givenBack == Array(received[1...]))
        #expect(ledger.outstanding == 1)
        let late = ledger.received(now: 1)
        #expect(late == nil)
        let settled = received.map { ledger.settled($0) }
        #expect(settled == [true, false, false])
        #expect(ledger.outstanding == 0)
    }
}
