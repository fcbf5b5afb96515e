import Gateway
import Testing

@Suite("Following the control plane")
struct SyncStateTests {
    static func state(epoch: UInt64, hash: String) -> SyncState {
        var state = SyncState()
        state.applied(snapshotEpoch: epoch, bundlesHash: hash)
        return state
    }

    @Test(
        "a poll compares epoch and bundles, the rewind first",
        arguments: [
            (5, "a", 5, "a", .inSync),
            (5, "a", 6, "a", .bootstrap),
            (5, "a", 5, "b", .bootstrap),
            (5, "a", 5, "", .inSync),
            (5, "a", 4, "a", .bootstrapAndRewind(to: 4)),
            (5, "a", 4, "b", .bootstrapAndRewind(to: 4)),
            (0, "", 0, "a", .bootstrap),
            (0, "", 0, "", .inSync),
        ] as [(UInt64, String, UInt64, String, SyncState.Decision)])
    func decisions(epoch: UInt64, hash: String, remote: UInt64, remoteHash: String, expected: SyncState.Decision) {
        #expect(
            Self.state(epoch: epoch, hash: hash).decide(remoteEpoch: remote, remoteBundlesHash: remoteHash) == expected)
    }

    @Test("the epoch moves forward, except by a rewind, and then forward again")
    func epoch() {
        var state = Self.state(epoch: 7, hash: "a")
        state.applied(snapshotEpoch: 3, bundlesHash: "b")
        #expect(state.epoch == 7)
        #expect(state.bundlesHash == "b")
        state.advance(to: 6)
        #expect(state.epoch == 7)
        state.rewind(to: 2)
        #expect(state.epoch == 2)
        state.advance(to: 3)
        #expect(state.epoch == 3)
    }

    @Test("retries double from 1 s to 60 s and raise the alarm after ten or after five minutes")
    func schedule() {
        var schedule = BootstrapSchedule()
        let delays = (0..<9).map { _ in schedule.failed(elapsed: .zero) }
        #expect(delays == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
        #expect(!schedule.isDegraded)
        _ = schedule.failed(elapsed: .zero)
        #expect(schedule.isDegraded)
        var slow = BootstrapSchedule()
        _ = slow.failed(elapsed: .seconds(299))
        #expect(!slow.isDegraded)
        _ = slow.failed(elapsed: .seconds(300))
        #expect(slow.isDegraded)
    }

    @Test(
        "producers are trusted by name or by name and dash",
        arguments: [
            (["sie-config"], "sie-config", true), (["sie-config"], "sie-config-0", true),
            (["sie-config"], "sie-config-7d9f-x2", true), (["sie-config"], "sie-configuration", false),
            (["sie-config"], "other", false), (["sie-config"], "", false), ([], "anyone", true),
            (["a", "b"], "b-1", true),
        ] as [([String], String, Bool)])
    func trust(producers: [String], producer: String, expected: Bool) {
        #expect(ProducerTrust(producers: producers).trusts(producer) == expected)
    }
}
