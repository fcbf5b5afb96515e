import Kubernetes
import TestSupport
import Testing

@Suite("Leader election, step by step")
struct LeaderElectionTests {
    private static let time = MicroTime(microsecondsSince1970: 1_800_000_000_000_000)

    /// A contender and its clock.
    private struct Contender {
        var election: LeaderElection
        /// What it takes for the time of day.
        var time = LeaderElectionTests.time
        var generator = SeededGenerator(seed: 5)

        init(_ identity: String, _ timing: LeaderElection.Timing = .init()) {
            election = LeaderElection(identity: identity, timing: timing)
        }

        mutating func proceed(_ now: Duration) -> LeaderElection.Action {
            election.proceed(now: now, time: time)
        }
        mutating func found(_ spec: Lease.Spec?, _ now: Duration) -> LeaderElection.Action {
            election.found(spec, now: now, time: time, using: &generator)
        }
        mutating func wrote(_ spec: Lease.Spec, _ now: Duration) -> LeaderElection.Action {
            election.wrote(spec, now: now, using: &generator)
        }
        mutating func failed(_ failure: LeaderElection.Failure, _ now: Duration) -> LeaderElection.Action {
            election.failed(failure, now: now, using: &generator)
        }

        /// Becomes the leader of a lease that was not there.
        mutating func lead(_ now: Duration) {
            guard case .read = proceed(now), case .create(let spec) = found(nil, now) else {
                Issue.record("the contender does not create the lease")
                return
            }
            _ = wrote(spec, now)
        }
    }

    private func lease(_ holder: String?, renewed: Int64 = 0, transitions: Int = 3, seconds: Int = 15) -> Lease.Spec {
        Lease.Spec(
            holderIdentity: holder, leaseDurationSeconds: seconds, acquireTime: MicroTime(microsecondsSince1970: 1),
            renewTime: MicroTime(microsecondsSince1970: renewed), leaseTransitions: transitions)
    }

    private func wait(_ action: LeaderElection.Action) -> Duration? {
        if case .wait(let duration) = action { duration } else { nil }
    }

    @Test("a lease that is not there is created, and then renewed without being read")
    func creates() {
        var a = Contender("a")
        #expect(a.proceed(.zero) == .read)
        let fresh = Lease.Spec(
            holderIdentity: "a", leaseDurationSeconds: 15, acquireTime: Self.time, renewTime: Self.time,
            leaseTransitions: 0)
        #expect(a.found(nil, .zero) == .create(fresh))
        #expect(!a.election.isLeader)
        let pause = wait(a.wrote(fresh, .zero))
        #expect(a.election.isLeader)
        #expect(pause.map { $0 <= .seconds(2) && $0 >= .milliseconds(1660) } == true)
        #expect(a.proceed(.seconds(2)) == .update(fresh))
        #expect(a.election.slowRenewals == 0)
    }

    @Test("a lease is taken when it has not changed for its time by the contender's own clock, whatever it says itself")
    func takes() {
        var b = Contender("b")
        _ = b.proceed(.seconds(100))
        // Renewed long ago or in the far future, as the holder's clock has it.
        #expect(wait(b.found(lease("a", renewed: 1), .seconds(100))) != nil)
        #expect(wait(b.found(lease("a", renewed: 9_999_999_999_999_999), .seconds(114))) != nil)
        #expect(wait(b.found(lease("a", renewed: 9_999_999_999_999_999), .seconds(128))) == .seconds(1))
        guard case .update(let spec) = b.found(lease("a", renewed: 9_999_999_999_999_999), .seconds(129)) else {
            Issue.record("the lease is not taken")
            return
        }
        #expect(spec.holderIdentity == "b")
        #expect(spec.leaseTransitions == 4)
        #expect(spec.acquireTime == Self.time)
        #expect(!b.election.isLeader)
        _ = b.wrote(spec, .seconds(129))
        #expect(b.election.isLeader)
    }

    @Test("a lease that was given up is taken at once; one whose holder says a longer time is left alone for so long")
    func durations() {
        var b = Contender("b")
        for holder in [nil, ""] {
            guard case .update(let spec) = b.found(lease(holder, seconds: 1), .zero) else {
                Issue.record("the lease is not taken")
                return
            }
            #expect(spec.leaseTransitions == 4)
        }
        var c = Contender("c")
        _ = c.found(lease("a", seconds: 60), .zero)
        #expect(wait(c.found(lease("a", seconds: 60), .seconds(59))) == .seconds(1))
        let shortLease = lease("a", renewed: 5, seconds: 1)
        _ = c.found(shortLease, .seconds(60))
        #expect(wait(c.found(shortLease, .seconds(74))) == .seconds(1))
    }

    @Test("a leader that cannot renew gives up after its deadline, counted from before the last renewal was sent")
    func deadline() {
        var a = Contender("a")
        a.lead(.zero)
        guard case .update(let spec) = a.proceed(.seconds(2)) else {
            Issue.record("no renewal")
            return
        }
        _ = a.wrote(spec, .seconds(5))
        #expect(a.election.deadline == .seconds(12))
        guard case .update = a.proceed(.seconds(7)) else {
            Issue.record("no renewal")
            return
        }
        #expect(wait(a.failed(.other, .seconds(8))) != nil)
        #expect(a.proceed(.seconds(10)) == .read)
        #expect(a.election.slowRenewals == 1)
        // No longer than until the deadline.
        #expect(wait(a.failed(.other, .milliseconds(11_900))) == .milliseconds(100))
        #expect(a.proceed(.seconds(12)) == .resign(.notRenewed(within: .seconds(10))))
        #expect(!a.election.isLeader)
        #expect(a.election.isLost)
    }

    @Test("a leader whose renewal conflicts looks at once, and goes on where it still is the holder")
    func conflict() {
        var a = Contender("a")
        a.lead(.zero)
        _ = a.proceed(.seconds(2))
        #expect(a.failed(.conflict, .seconds(2)) == .read)
        guard case .update(let spec) = a.found(lease("a"), .seconds(2)) else {
            Issue.record("no renewal")
            return
        }
        #expect(spec.leaseTransitions == 3)
        #expect(spec.acquireTime == MicroTime(microsecondsSince1970: 1))
        // Gone: created anew.
        #expect(a.failed(.conflict, .seconds(2)) == .read)
        guard case .create = a.found(nil, .seconds(2)) else {
            Issue.record("not created anew")
            return
        }
        #expect(a.election.isLeader)
        #expect(a.election.slowRenewals == 2)
    }

    @Test("a leader that finds another holder resigns")
    func taken() {
        var a = Contender("a")
        a.lead(.zero)
        _ = a.proceed(.seconds(2))
        _ = a.failed(.conflict, .seconds(2))
        #expect(a.found(lease("b"), .seconds(2)) == .resign(.takenBy("b")))
        #expect(!a.election.isLeader)
    }

    @Test("a contender whose write was not answered finds itself to be the holder and goes on")
    func lostAnswer() {
        var a = Contender("a")
        _ = a.proceed(.zero)
        _ = a.found(nil, .zero)
        #expect(wait(a.failed(.other, .seconds(1))) != nil)
        #expect(a.proceed(.seconds(3)) == .read)
        guard case .update(let spec) = a.found(lease("a", transitions: 0), .seconds(3)) else {
            Issue.record("no renewal")
            return
        }
        _ = a.wrote(spec, .seconds(3))
        #expect(a.election.isLeader)
    }

    @Test("a lease given up names nobody and lasts a second")
    func release() {
        let released = LeaderElection.released(lease("a"), time: Self.time)
        #expect(released.holderIdentity == nil)
        #expect(released.leaseDurationSeconds == 1)
        #expect(released.leaseTransitions == 3)
    }

    @Test(
        "a time of day that jumps by an hour, at the leader or at a contender, changes nothing",
        arguments: [-3600, 3600])
    func jump(seconds: Int64) throws {
        var (a, b) = (Contender("a"), Contender("b"))
        func later(_ time: MicroTime, by seconds: Int64) -> MicroTime {
            MicroTime(microsecondsSince1970: time.microsecondsSince1970 + seconds * 1_000_000)
        }
        a.lead(.zero)
        var spec = lease("a")
        var now = Duration.zero
        for round in 0..<60 {
            now += .seconds(2)
            (a.time, b.time) = (later(a.time, by: 2), later(b.time, by: 2))
            if round == 20 { a.time = later(a.time, by: seconds) }
            if round == 40 { b.time = later(b.time, by: seconds) }
            guard case .update(let renewal) = a.proceed(now) else {
                Issue.record("the leader does not renew in round \(round)")
                return
            }
            spec = renewal
            _ = a.wrote(spec, now)
            #expect(a.election.isLeader && a.election.deadline == now + .seconds(10))
            _ = b.proceed(now)
            let next = wait(b.found(spec, now))
            #expect(next != nil && !b.election.isLeader, "round \(round)")
        }
        #expect(spec.renewTime == a.time && spec.leaseTransitions == 0)
        // The leader is gone: it is followed after the lease's own time and no other.
        _ = b.proceed(now + .seconds(14))
        #expect(wait(b.found(spec, now + .seconds(14))) != nil)
        _ = b.proceed(now + .seconds(16))
        guard case .update(let taken) = b.found(spec, now + .seconds(16)) else {
            Issue.record("the lease is not taken")
            return
        }
        #expect(taken.holderIdentity == "b" && taken.leaseTransitions == 1 && taken.renewTime == b.time)
    }

    /// A server, two contenders whose clocks and connections are as chance has it, and the rule that counts: there is at
    /// most one leader that has not passed its deadline.
    @Test("never do two lead at the same time, whatever fails", arguments: 0..<30)
    func safety(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var contenders = [Contender("0"), Contender("1"), Contender("2")]
        let offsets = contenders.map { _ in Duration.milliseconds(Int.random(in: 0...1_000_000, using: &generator)) }
        var wakes = contenders.map { _ in Duration.zero }
        var actions = contenders.indices.map { contenders[$0].proceed(offsets[$0]) }
        var server: (spec: Lease.Spec, version: Int)?
        var versions = contenders.map { _ in 0 }
        var now = Duration.zero
        var elections = 0
        while now < .seconds(600) {
            now += .milliseconds(Int.random(in: 10...500, using: &generator))
            for index in contenders.indices where wakes[index] <= now {
                // Sometimes somebody does nothing for a while, as a stopped process.
                if Int.random(in: 0..<60, using: &generator) == 0 {
                    wakes[index] = now + .seconds(Int.random(in: 1...40, using: &generator))
                    continue
                }
                let local = now + offsets[index]
                let isLost = Int.random(in: 0..<5, using: &generator) == 0
                let wasLeader = contenders[index].election.isLeader
                switch actions[index] {
                case .wait(let duration):
                    actions[index] = contenders[index].proceed(local)
                    if duration > .seconds(20) { Issue.record("a wait of \(duration)") }
                case .resign: actions[index] = contenders[index].proceed(local)
                case .read where isLost: actions[index] = contenders[index].failed(.other, local)
                case .read:
                    versions[index] = server?.version ?? 0
                    actions[index] = contenders[index].found(server?.spec, local)
                case .create(var spec), .update(var spec):
                    guard versions[index] == server?.version ?? 0 else {
                        actions[index] = contenders[index].failed(.conflict, local)
                        break
                    }
                    // Every write is another one.
                    spec.renewTime = MicroTime(microsecondsSince1970: Int64(now / .milliseconds(1)))
                    versions[index] += 1
                    server = (spec, versions[index])
                    actions[index] =
                        isLost ? contenders[index].failed(.other, local) : contenders[index].wrote(spec, local)
                }
                if case .wait(let duration) = actions[index] { wakes[index] = now + duration }
                if !wasLeader, contenders[index].election.isLeader { elections += 1 }
            }
            let leaders = contenders.indices.filter { index in
                contenders[index].election.deadline.map { now + offsets[index] < $0 } ?? false
            }
            #expect(leaders.count <= 1)
        }
        #expect(elections > 1)
    }
}
