import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Conditions")
struct ConditionsTests {
    private let before = Timestamp(secondsSince1970: 1_790_000_000)
    private let later = Timestamp(secondsSince1970: 1_790_000_060)

    private func waiting() -> Conditions {
        var conditions = Conditions()
        conditions.set(
            .ready, .unknown, reason: ModelReason.progressing, message: "begun", generation: 1, now: before)
        conditions.set(
            .reconciling, .true, reason: ModelReason.registering, message: "begun", generation: 1, now: before)
        return conditions
    }

    @Test("saying the same again later changes nothing, so that nothing is written")
    func same() {
        var conditions = waiting()
        conditions.set(
            .reconciling, .true, reason: ModelReason.registering, message: "begun", generation: 1, now: later)
        conditions.set(
            .ready, .unknown, reason: ModelReason.progressing, message: "begun", generation: 1, now: later)
        #expect(conditions == waiting())
    }

    @Test("the transition time moves with the status, and with nothing else")
    func transitions() {
        var conditions = waiting()
        conditions.set(
            .ready, .unknown, reason: ModelReason.workersNotAcked, message: "other", generation: 2, now: later)
        #expect(conditions[.ready]?.lastTransitionTime == before)
        #expect(conditions[.ready]?.reason == "WorkersNotAcked")
        #expect(conditions[.ready]?.observedGeneration == 2)
        #expect(conditions != waiting())
        conditions.set(.ready, .true, reason: ModelReason.routable, message: "all", generation: 2, now: later)
        #expect(conditions[.ready]?.lastTransitionTime == later)
        #expect(conditions.isTrue(.ready))
    }

    @Test("conditions that are only there while they are true are removed, and others keep their place")
    func removal() {
        var conditions = waiting()
        conditions.remove(.reconciling)
        #expect(conditions[.reconciling] == nil && !conditions.isTrue(.reconciling))
        conditions.set(.stalled, .true, reason: ModelReason.invalidSpec, message: "no", generation: 1, now: later)
        #expect(conditions.all.map(\.type) == ["Ready", "Stalled"])
    }

    @Test("conditions of other writers are kept as they are")
    func strangers() throws {
        let document: JSONValue = [
            [
                "type": "example.com/Checked", "status": "Unknown", "lastTransitionTime": "2026-01-02T03:04:05Z",
                "reason": "Odd", "message": "",
            ]
        ]
        var conditions: Conditions = try document.decode()
        conditions.set(.ready, .true, reason: PoolReason.active, message: "all", generation: 1, now: later)
        let written = try JSONValue(encoding: conditions)
        #expect(written.arrayValue?.first == document.arrayValue?.first)
        #expect(written.arrayValue?.count == 2)
    }

    @Test("a message longer than the schema allows is cut between two characters")
    func longMessages() throws {
        var conditions = Conditions()
        let message = String(repeating: "é", count: Conditions.longestMessage)
        conditions.set(.ready, .false, reason: PoolReason.apiError, message: message, generation: 1, now: before)
        let kept = try #require(conditions[.ready]?.message)
        #expect(kept.utf8.count <= Conditions.longestMessage)
        #expect(kept == message.prefix(kept.count - 3) + "...")
    }
}
