import NATSClient
import Settings
import Testing
import Worker

@Suite("The queue lane")
struct WorkLaneTests {
    @Test("stream and consumer have the contract's names and settings")
    func settings() throws {
        let lane = try WorkLane(bundle: "default", pool: "l4-default")
        #expect(lane.stream == "WORK_POOL_l4-default")
        #expect(lane.consumer == "default_l4-default")
        let stream = lane.streamConfiguration
        #expect(stream.subjects == ["sie.work.*.l4-default"])
        #expect(stream.retention == .workQueue)
        #expect(stream.storage == .memory)
        #expect(stream.discard == .new)
        #expect(stream.maxMessages == 100_000)
        let consumer = lane.consumerConfiguration
        #expect(consumer.ackWait == .seconds(30))
        #expect(consumer.maxDeliver == 20)
        #expect(consumer.maxAckPending == 1000)
        #expect(consumer.ackPolicy == .explicit)
    }

    @Test("batches have a stream of their own, with the same rules")
    func batches() throws {
        let lane = try WorkLane(bundle: "default", pool: "l4").batches
        #expect(lane.stream == "WORK_BATCH_l4")
        #expect(lane.consumer == "default_l4")
        #expect(lane.streamConfiguration.subjects == ["sie.batch.*.l4"])
        #expect(lane.streamConfiguration.retention == .workQueue)
        #expect(lane.streamConfiguration.discard == .new)
        #expect(lane.consumerConfiguration.filterSubject == "sie.batch.*.l4")
        #expect(lane.consumerConfiguration.ackWait == .seconds(30))
        #expect(lane.consumerConfiguration.maxDeliver == 20)
    }

    @Test("an equal consumer is kept, another one is changed only where it differs")
    func plan() throws {
        let lane = try WorkLane(bundle: "default", pool: "p")
        #expect(lane.plan(existing: lane.consumerConfiguration) == .keep)
        var existing = lane.consumerConfiguration
        existing.maxAckPending = 200
        existing.description = "somebody's"
        var wanted = existing
        wanted.maxAckPending = 1000
        #expect(lane.plan(existing: existing) == .update(wanted, changes: ["max_ack_pending"]))
    }

    @Test("names that would change a subject's meaning are refused", arguments: ["", "a.b", "*", ">", "a b", "é"])
    func invalidNames(_ name: String) {
        #expect(throws: SettingError.self) { try WorkLane(bundle: "default", pool: name) }
        #expect(throws: SettingError.self) { try WorkLane(bundle: name, pool: "default") }
    }
}
