import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Status of a model")
struct ModelStatusTests {
    private let start = Timestamp(secondsSince1970: 1_790_000_000)

    private func time(_ seconds: Int64) -> Timestamp {
        Timestamp(secondsSince1970: start.secondsSince1970 + seconds)
    }

    private func fold(_ answers: [ReplicaReport.Answer], at seconds: Int64 = 0) -> GatewayFold {
        GatewayFold(
            answers.enumerated().map { .init(pod: "g\($0.offset)", readySince: time(-3600), answer: $0.element) },
            modelID: "a/b", targetEpoch: 5, wasRoutable: false, now: time(seconds))
    }

    private func known(acked: [String] = [], pending: [String] = []) -> ReplicaReport.Answer {
        .known(
            epoch: 5,
            bundles: [.init(name: "default", expectedHash: "h", ackedWorkers: acked, pendingWorkers: pending)])
    }

    private func writer(
        _ status: SIEModel.Status?, policy: SIEModel.Readiness.Policy = .routable, generation: Int = 1,
        at seconds: Int64 = 0
    ) -> ModelStatusWriter {
        ModelStatusWriter(
            status, readiness: .init(policy: policy, progressDeadlineSeconds: 600), generation: generation,
            now: time(seconds))
    }

    private let done = ModelFindings.Registration.done(.created, message: "epoch 5")

    private func kstatus(_ status: SIEModel.Status, generation: Int = 1) throws -> KStatus {
        KStatus(of: [
            "metadata": ["generation": .int(Int64(generation))], "status": try JSONValue(encoding: status),
        ])
    }

    private func summary(_ status: SIEModel.Status) -> [String] {
        status.conditions.all.map { "\($0.type)=\($0.status.rawValue)/\($0.reason)" }.sorted()
    }

    @Test("a model becomes ready step by step, and is never current before every gateway routes it")
    func wayUp() throws {
        let begun = writer(nil).outcome(.init(.underWay(message: "begun")))
        #expect(
            summary(begun) == [
                "Ready=Unknown/Progressing", "Reconciling=True/Registering", "Registered=Unknown/Registering",
            ])
        #expect(try kstatus(begun) == .inProgress)
        let waiting = writer(begun, at: 5).outcome(.init(done, gateways: fold([known(), .unknownModel], at: 5)))
        #expect(
            summary(waiting) == [
                "Ready=False/GatewaysNotSynced", "Reconciling=True/WaitingForGateways", "Registered=True/Created",
                "Routable=False/ReplicaStale", "WorkersAcked=True/NoEligibleWorkers",
            ])
        #expect(try kstatus(waiting) == .inProgress)
        #expect(waiting.summary == "1/2 gateways")
        let ready = writer(waiting, at: 9).outcome(.init(done, gateways: fold([known(), known()], at: 9)))
        #expect(
            summary(ready) == [
                "Ready=True/Routable", "Registered=True/Created", "Routable=True/AllReplicas",
                "WorkersAcked=True/NoEligibleWorkers",
            ])
        #expect(try kstatus(ready) == .current)
        #expect(ready.observedGeneration == 1)
    }

    @Test("finding the same again later gives an equal status")
    func unchanged() {
        let findings = ModelFindings(done, gateways: fold([known(acked: ["w"]), known(acked: ["w"])]))
        let ready = writer(nil).outcome(findings)
        let later = ModelFindings(done, gateways: fold([known(acked: ["w"]), known(acked: ["w"])], at: 600))
        #expect(writer(ready, at: 600).outcome(later) == ready)
        #expect(ready.summary == "2/2 gateways, 1/1 workers")
    }

    @Test("each policy waits for what it says")
    func policies() throws {
        let behind = fold([known(), .unknownModel])
        #expect(writer(nil, policy: .registered).outcome(.init(done, gateways: behind)).conditions.isTrue(.ready))
        #expect(writer(nil, policy: .registered).outcome(.init(done)).conditions.isTrue(.ready))
        let pending = fold([known(acked: ["v"], pending: ["w"])])
        #expect(writer(nil, policy: .routable).outcome(.init(done, gateways: pending)).conditions.isTrue(.ready))
        let waiting = writer(nil, policy: .acked).outcome(.init(done, gateways: pending))
        #expect(waiting.conditions[.ready]?.reason == "WorkersNotAcked")
        #expect(waiting.conditions[.reconciling]?.reason == "WaitingForWorkers")
        #expect(try kstatus(waiting) == .inProgress)
        let acked = writer(waiting, policy: .acked).outcome(
            .init(done, gateways: fold([known(acked: ["v", "w"])])))
        #expect(acked.conditions[.ready]?.reason == "Acked" && !acked.conditions.isTrue(.reconciling))
    }

    @Test("what only a change can help is stalled at once")
    func stalled() throws {
        let status = writer(nil).outcome(.init(.stalled(.appendOnlyConflict, message: "profile default")))
        #expect(
            summary(status) == [
                "Ready=False/RegistrationFailed", "Registered=False/AppendOnlyConflict",
                "Stalled=True/AppendOnlyConflict",
            ])
        #expect(try kstatus(status) == .failed)
        let invalid = writer(nil).invalid([SpecIssue("spec.profiles", "at least one profile must set adapterPath")])
        #expect(invalid.conditions[.stalled]?.reason == "InvalidSpec")
        #expect(invalid.conditions[.stalled]?.message.contains("spec.profiles") == true)
        let duplicate = writer(nil).duplicate(of: ObjectKey(namespace: "n", name: "first"), modelID: "a/b")
        #expect(duplicate.conditions[.stalled]?.message.contains("n/first") == true)
    }

    @Test("what may pass becomes stalled at the deadline, stays so, and comes back with a new spec or with success")
    func deadline() throws {
        let failing = ModelFindings(.failing(.natsUnavailable, message: "no NATS"))
        let first = writer(nil).outcome(failing)
        #expect(
            summary(first) == [
                "Ready=False/DependencyUnavailable", "Reconciling=True/Retrying", "Registered=False/NATSUnavailable",
            ])
        let before = writer(first, at: 599).outcome(failing)
        #expect(before == first)
        let after = writer(before, at: 600).outcome(failing)
        #expect(after.conditions[.stalled]?.reason == "ProgressDeadlineExceeded")
        #expect(after.conditions[.reconciling] == nil)
        #expect(try kstatus(after) == .failed)
        #expect(writer(after, at: 900).outcome(failing) == after)
        let changed = writer(after, generation: 2, at: 901).outcome(failing)
        #expect(changed.conditions[.stalled] == nil)
        #expect(changed.conditions[.reconciling]?.lastTransitionTime == time(901))
        let ready = writer(after, at: 902).outcome(.init(done, gateways: fold([known()], at: 902)))
        #expect(ready.conditions.isTrue(.ready) && ready.conditions[.stalled] == nil)
    }

    @Test("a ready model stays ready while the config service is away")
    func configServiceAway() {
        let ready = writer(nil).outcome(.init(done, gateways: fold([known()])))
        let away = writer(ready, at: 60).outcome(
            .init(
                .failing(.configServiceUnavailable, message: "connection refused", isRegistered: true),
                gateways: fold([known()], at: 60)))
        let unasked = writer(ready, at: 60).outcome(
            .init(.failing(.configServiceUnavailable, message: "connection refused", isRegistered: true)))
        #expect(unasked.conditions[.ready] == ready.conditions[.ready])
        #expect(away.conditions[.ready] == ready.conditions[.ready])
        #expect(away.conditions[.registered]?.status == .true)
        #expect(away.conditions[.registered]?.message.contains("connection refused") == true)
    }

    @Test("a suspended model is neither worked on nor at fault")
    func suspended() {
        let status = writer(writer(nil).outcome(.init(.underWay(message: "begun")))).suspended()
        #expect(summary(status) == ["Ready=Unknown/Suspended", "Registered=Unknown/Registering"])
    }

    @Test(
        "whatever is found in whatever order, Reconciling and Stalled exclude each other and one of them explains a failure"
    )
    func invariants() throws {
        var random = SeededGenerator(seed: 11)
        let registrations: [ModelFindings.Registration] = [
            done, .underWay(message: "sending"), .failing(.natsUnavailable, message: "no NATS"),
            .failing(.configServiceUnavailable, message: "gone", isRegistered: true),
            .stalled(.appendOnlyConflict, message: "conflict"),
        ]
        let answers: [ReplicaReport.Answer] = [
            known(), known(pending: ["w"]), .unknownModel, .unauthorized(status: 403),
        ]
        let policies = SIEModel.Readiness.Policy.allCases
        var status: SIEModel.Status?
        var (seconds, generation, policy): (Int64, Int, SIEModel.Readiness.Policy) = (0, 1, .routable)
        for _ in 0..<2000 {
            seconds += Int64.random(in: 0..<400, using: &random)
            if Int.random(in: 0..<10, using: &random) == 0 {
                generation += 1
                policy = policies.randomElement(using: &random) ?? .routable
            }
            let replicas = (0..<Int.random(in: 0..<4, using: &random)).compactMap { _ in
                answers.randomElement(using: &random)
            }
            let gateways = Bool.random(using: &random) ? fold(replicas, at: seconds) : nil
            let registration = registrations.randomElement(using: &random) ?? done
            let writer = writer(status, policy: policy, generation: generation, at: seconds)
            let next = writer.outcome(.init(registration, gateways: gateways))
            let (reconciling, stalled) = (next.conditions.isTrue(.reconciling), next.conditions.isTrue(.stalled))
            #expect(!(reconciling && stalled))
            if next.conditions.isTrue(.ready) {
                #expect(!reconciling && !stalled)
                if policy != .registered { #expect(next.conditions.isTrue(.routable)) }
            } else {
                #expect(reconciling || stalled)
            }
            #expect(next.observedGeneration == generation)
            #expect((try kstatus(next, generation: generation) == .current) == next.conditions.isTrue(.ready))
            status = next
        }
    }
}
