import CLI
import Testing

@Suite struct ReadinessWatchTests {
    private func snapshot(acked: Bool? = false, noBundles: Bool? = false, epoch: Int? = 5) -> ReadinessSnapshot {
        .status(isAcknowledged: acked, hasNoBundles: noBundles, epoch: epoch, progress: "default 0/1")
    }

    private func watch(_ policy: ReadinessPolicy = ReadinessPolicy(), epoch: Int? = 5) -> ReadinessWatch {
        ReadinessWatch(model: "m", file: "f.yaml", policy: policy, writtenEpoch: epoch)
    }

    private func outcome(_ action: ReadinessWatch.Action) -> ReadinessWatch.Outcome? {
        if case .finish(let outcome) = action { outcome } else { nil }
    }

    @Test("only a boolean true is ready; the flag against bundles must not be true")
    func ready() {
        var first = watch()
        #expect(outcome(first.saw(snapshot(acked: true), at: .seconds(1)))?.isReady == true)
        var second = watch()
        #expect(second.saw(snapshot(acked: nil), at: .seconds(1)) == .wait(.seconds(5)))
        #expect(outcome(second.saw(snapshot(acked: true, noBundles: nil), at: .seconds(6)))?.isReady == true)
        let texts = [#"{"all_bundles_acked":"true"}"#, #"{"all_bundles_acked":1}"#, "{}"]
        for text in texts {
            guard case .status(nil, _, _, _) = ReadinessSnapshot(ServiceAnswer(status: 200, body: Array(text.utf8)))
            else {
                Issue.record("\(text)")
                continue
            }
        }
    }

    @Test("the last wait ends at the deadline, where one last look is made")
    func deadline() {
        var watch = watch()
        #expect(watch.saw(snapshot(), at: .seconds(178)) == .wait(.seconds(2)))
        #expect(watch.look(at: .seconds(180)) == .look(within: .seconds(1)))
        let outcome = outcome(watch.saw(snapshot(), at: .seconds(180)))
        #expect(outcome?.isReady == false)
        #expect(outcome?.annotations.first?.message.contains("180 s") == true)
    }

    @Test("a look takes no longer than its own limit and what is left")
    func lookLimit() {
        #expect(watch().look(at: .zero) == .look(within: .seconds(15)))
        #expect(watch().look(at: .seconds(170)) == .look(within: .seconds(10)))
    }

    @Test("no bundle fails at once at the write's epoch, otherwise at the third look in a row")
    func noBundles() {
        var current = watch()
        #expect(outcome(current.saw(snapshot(noBundles: true), at: .zero))?.isReady == false)
        for epoch in [6, 0, nil] as [Int?] {
            var behind = watch(epoch: epoch)
            #expect(outcome(behind.saw(snapshot(noBundles: true), at: .zero)) == nil)
            #expect(outcome(behind.saw(snapshot(), at: .seconds(1))) == nil)
            #expect(outcome(behind.saw(snapshot(noBundles: true), at: .seconds(2))) == nil)
            #expect(outcome(behind.saw(snapshot(noBundles: true), at: .seconds(3))) == nil)
            #expect(outcome(behind.saw(snapshot(noBundles: true), at: .seconds(4)))?.summary == "no bundle")
        }
    }

    @Test("a refused token ends the wait; other answers do not")
    func answers() {
        for status in [401, 403] {
            var watch = watch()
            #expect(outcome(watch.saw(ReadinessSnapshot(ServiceAnswer(status: status)), at: .zero))?.isReady == false)
        }
        for answer in [ServiceAnswer(status: 404), ServiceAnswer(status: 500), ServiceAnswer(problem: "refused")] {
            var watch = watch()
            #expect(watch.saw(ReadinessSnapshot(answer), at: .zero) == .wait(.seconds(5)))
        }
    }

    @Test("routable needs no worker, but a gateway that says that bundles exist")
    func routable() {
        var policy = ReadinessPolicy()
        policy.condition = .routable
        var known = watch(policy)
        #expect(outcome(known.saw(snapshot(), at: .zero))?.isReady == true)
        var unclear = watch(policy)
        #expect(outcome(unclear.saw(snapshot(noBundles: nil), at: .zero)) == nil)
    }

    @Test("a gateway behind the write's epoch is a warning, or not ready where the epoch must match")
    func epoch() {
        var lenient = watch(epoch: 6)
        let outcome = outcome(lenient.saw(snapshot(acked: true), at: .zero))
        #expect(outcome?.isReady == true)
        #expect(outcome?.annotations.map(\.level) == [.warning])
        var strict = watch(ReadinessPolicy(requiresEpoch: true), epoch: 6)
        #expect(strict.saw(snapshot(acked: true), at: .zero) == .wait(.seconds(5)))
        #expect(self.outcome(strict.saw(snapshot(acked: true, epoch: 6), at: .zero))?.isReady == true)
    }
}
