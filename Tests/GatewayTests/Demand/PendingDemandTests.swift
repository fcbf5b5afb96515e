import Gateway
import NIOCore
import Testing

@Suite("Pending demand")
struct PendingDemandTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000)
    static let lane = PendingDemand.Lane(machineProfile: "L4", bundle: "default")

    @Test("a refresh at 100 s keeps demand past 200 s, and 120 s of silence end it")
    func inactivity() {
        var demand = PendingDemand()
        #expect(demand.record(Self.lane, at: Self.start) == Self.lane)
        #expect(demand.record(Self.lane, at: Self.start + .seconds(100)) == Self.lane)
        #expect(demand.expire(at: Self.start + .seconds(200)) == [])
        #expect(demand.pending == [Self.lane])
        #expect(demand.expire(at: Self.start + .seconds(220)) == [Self.lane])
        #expect(demand.expire(at: Self.start + .seconds(999)) == [])
        #expect(demand.pending == [])
    }

    @Test("pairs are told apart, but not by case: the first spelling stays the label")
    func spelling() {
        var demand = PendingDemand()
        _ = demand.record(Self.lane, at: Self.start)
        #expect(demand.record(.init(machineProfile: "l4", bundle: "DEFAULT"), at: Self.start) == Self.lane)
        let other = PendingDemand.Lane(machineProfile: "l4", bundle: "sglang")
        #expect(demand.record(other, at: Self.start) == other)
        #expect(demand.clear(.init(machineProfile: "l4", bundle: "Default")) == Self.lane)
        #expect(demand.pending == [other])
    }

    @Test("age counts from the first request, idleness from the last, and a pair that comes back starts anew")
    func ages() {
        var demand = PendingDemand()
        _ = demand.record(Self.lane, at: Self.start)
        _ = demand.record(Self.lane, at: Self.start + .seconds(90))
        #expect(
            demand.pending(at: Self.start + .seconds(100)).map { [$0.age, $0.idle] } == [[.seconds(100), .seconds(10)]])
        _ = demand.clear(Self.lane)
        #expect(demand.pending(at: Self.start + .seconds(101)).isEmpty)
        _ = demand.record(Self.lane, at: Self.start + .seconds(200))
        #expect(demand.pending(at: Self.start + .seconds(205)).map(\.age) == [.seconds(5)])
    }

    @Test("clearing what was never asked for is harmless")
    func clearUnknown() {
        var demand = PendingDemand()
        #expect(demand.clear(Self.lane) == Self.lane)
        #expect(demand.pending == [])
    }
}
