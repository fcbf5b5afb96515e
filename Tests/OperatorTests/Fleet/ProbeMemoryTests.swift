import Kubernetes
import Operator
import Testing

@Suite("Memory of probes")
struct ProbeMemoryTests {
    private func known(_ epoch: Int) -> ReplicaReport.Answer { .known(epoch: epoch, bundles: []) }

    @Test("answers are remembered by model and replica, for some minutes, and only of replicas that know the model")
    func remembers() {
        let memory = ProbeMemory()
        let start = ContinuousClock.now
        memory.remember(["a": known(3), "b": .unknownModel], about: "m", now: start)
        memory.remember(["a": known(4)], about: "n", now: start)
        #expect(memory.answers(about: "m", now: start) == ["a": known(3)])
        #expect(memory.epoch(of: "a") == 4 && memory.epoch(of: "b") == nil)
        memory.remember(["b": known(3)], about: "m", now: start + .seconds(100))
        #expect(memory.answers(about: "m", now: start + .seconds(399)) == ["a": known(3), "b": known(3)])
        #expect(memory.answers(about: "m", now: start + ProbeMemory.longestAge) == ["b": known(3)])
        // One that has lost it is to be asked again.
        memory.remember(["b": .unreachable(problem: "")], about: "m", now: start + .seconds(101))
        #expect(memory.answers(about: "m", now: start + .seconds(102)) == ["a": known(3)])
        memory.keep(replicas: ["b"])
        #expect(memory.answers(about: "m", now: start).isEmpty && memory.epoch(of: "a") == nil)
        memory.remember(["b": known(5)], about: "m", now: start)
        memory.forget(modelID: "m")
        #expect(memory.answers(about: "m", now: start).isEmpty)
    }

    @Test("a look is for the fleet alone only where nothing else has asked for it since the last one")
    func checks() {
        let checks = FleetChecks()
        let (one, two) = (ObjectKey(namespace: "n", name: "1"), ObjectKey(namespace: "n", name: "2"))
        #expect(!checks.take(one))
        checks.add([one, two])
        checks.overrule([two])
        #expect(checks.take(one) && !checks.take(two))
        #expect(!checks.take(one) && !checks.take(two))
        checks.overrule([one])
        checks.add([one])
        #expect(!checks.take(one))
        checks.add([one])
        #expect(checks.take(one))
    }
}
