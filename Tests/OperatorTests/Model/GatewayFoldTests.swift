import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Gateways of a model")
struct GatewayFoldTests {
    private let now = Timestamp(secondsSince1970: 1_790_000_000)

    private func known(
        _ pod: String, epoch: Int = 5, hash: String = "h", acked: [String] = [], pending: [String] = [],
        isReady: Bool = true, age: Int64 = 3600
    ) -> ReplicaReport {
        let bundle = ReplicaReport.Bundle(
            name: "default", expectedHash: hash, ackedWorkers: acked, pendingWorkers: pending)
        return report(pod, .known(epoch: epoch, bundles: [bundle]), isReady: isReady, age: age)
    }

    private func report(
        _ pod: String, _ answer: ReplicaReport.Answer, isReady: Bool = true, age: Int64 = 3600
    ) -> ReplicaReport {
        ReplicaReport(
            pod: pod, isReady: isReady, readySince: Timestamp(secondsSince1970: now.secondsSince1970 - age),
            answer: answer)
    }

    private func fold(_ reports: [ReplicaReport], target: Int? = 5, wasRoutable: Bool = false) -> GatewayFold {
        GatewayFold(reports, modelID: "a/b", targetEpoch: target, wasRoutable: wasRoutable, now: now)
    }

    @Test("a model is routable when every ready replica routes it")
    func all() {
        let fold = fold([known("g0"), known("g1", epoch: 7)])
        #expect(fold.isRoutable && fold.reason == .allReplicas)
        #expect(fold.message == "2 of 2 gateways route a/b")
        #expect(fold.gateways.total == 2 && fold.gateways.routable == 2 && fold.gateways.minEpoch == 5)
        #expect(fold.gateways.notReady == nil)
    }

    @Test("each kind of failure has its reason, and the message names the replica")
    func failures() {
        let cases: [(ReplicaReport.Answer, ModelReason)] = [
            (.unknownModel, .replicaStale),
            (.known(epoch: 4, bundles: [.init(name: "default", expectedHash: "h")]), .replicaStale),
            (.known(epoch: 5, bundles: []), .noBundle),
            (.unauthorized(status: 401), .replicaUnauthorized),
            (.unreachable(problem: "timed out"), .replicaUnreachable),
        ]
        for (answer, reason) in cases {
            let fold = fold([known("g0"), report("g1", answer)])
            #expect(!fold.isRoutable && fold.reason == reason, "\(answer)")
            #expect(fold.message.contains("1 of 2") && fold.message.contains("g1"), "\(fold.message)")
            #expect(fold.gateways.notReady?.map(\.pod) == ["g1"])
            #expect(fold.gateways.notReady?.first?.reason == reason.rawValue)
        }
    }

    @Test("where the config service counts no epochs, none is too low")
    func noEpochs() {
        #expect(fold([known("g0", epoch: 0)], target: 0).isRoutable)
        #expect(fold([known("g0", epoch: 0)], target: nil).isRoutable)
    }

    @Test("of replicas at one epoch that expect different hashes, the minority is at fault")
    func minority() {
        let fold = fold([known("g0"), known("g1"), known("g2", hash: "other")])
        #expect(!fold.isRoutable && fold.reason == .hashMismatch)
        #expect(fold.gateways.notReady?.map(\.pod) == ["g2"])
    }

    @Test("of two replicas at one epoch that expect different hashes, neither can be trusted")
    func tie() {
        let fold = fold([known("g0"), known("g1", hash: "other")])
        #expect(fold.gateways.notReady?.map(\.pod) == ["g0", "g1"] && fold.gateways.routable == 0)
    }

    @Test("replicas at different epochs may expect different hashes")
    func epochs() {
        let fold = fold([known("g0", epoch: 5), known("g1", epoch: 6, hash: "other")])
        #expect(fold.isRoutable)
        #expect(fold.bundles.first?.expectedHash == "other")
    }

    @Test("without a ready replica nothing is routable, and those that are not ready are shown")
    func none() {
        #expect(fold([]).reason == .noGatewayReplicas)
        let fold = fold([known("g0", isReady: false)])
        #expect(!fold.isRoutable && fold.reason == .noGatewayReplicas)
        #expect(fold.gateways.total == 0 && fold.gateways.notReady?.first?.reason == "NotReady")
    }

    @Test("a new replica has a minute before it makes a routable model unroutable, and none where it was not")
    func grace() {
        let young = report("g1", .unknownModel, age: ReplicaGrace.seconds - 1)
        let scaled = fold([known("g0"), young], wasRoutable: true)
        #expect(scaled.isRoutable && scaled.message.contains("g1") && scaled.gateways.routable == 1)
        #expect(!fold([known("g0"), young], wasRoutable: false).isRoutable)
        let old = report("g1", .unknownModel, age: ReplicaGrace.seconds)
        #expect(!fold([known("g0"), old], wasRoutable: true).isRoutable)
        #expect(!fold([young], wasRoutable: true).isRoutable)
        // One that has known the model does not start any more, however young it is.
        var cutOff = young
        cutOff.hasKnown = true
        #expect(!fold([known("g0"), cutOff], wasRoutable: true).isRoutable)
    }

    @Test("at most twenty replicas are named")
    func many() {
        let fold = fold((0..<50).map { report("g\($0)", .unknownModel) })
        #expect(fold.gateways.notReady?.count == GatewayFold.mostNamed)
        #expect(fold.gateways.total == 50)
    }

    @Test("a worker has acknowledged when a replica says so and none the opposite")
    func workers() {
        let fold = fold([
            known("g0", acked: ["w0", "w1"], pending: ["w2"]), known("g1", acked: ["w0"], pending: ["w1"]),
        ])
        #expect(fold.bundles.first?.eligibleWorkers == 3 && fold.bundles.first?.ackedWorkers == 1)
        #expect(fold.bundles.first?.acked == false)
    }

    @Test("a gateway's answer is read, and what makes no sense counts as no answer")
    func answers() throws {
        let body = """
            {"model_id":"a/b","config_epoch":42,"all_bundles_acked":false,"no_bundles":false,"bundles":[
              {"bundle_id":"default","expected_bundle_config_hash":"26","total_eligible_workers":2,
               "acked_workers":["a"],"pending_workers":["b"],"acked":false}],"source":"gateway-registry"}
            """
        let bundle = ReplicaReport.Bundle(
            name: "default", expectedHash: "26", ackedWorkers: ["a"], pendingWorkers: ["b"])
        let document = try JSONReader.decode(body.utf8)
        #expect(ReplicaReport.Answer(status: 200, body: document) == .known(epoch: 42, bundles: [bundle]))
        #expect(ReplicaReport.Answer(status: 404, body: .null) == .unknownModel)
        #expect(ReplicaReport.Answer(status: 403, body: .null) == .unauthorized(status: 403))
        for (status, body) in [(200, JSONValue.null), (200, "text"), (503, [:]), (200, ["config_epoch": "x"])] {
            guard case .unreachable = ReplicaReport.Answer(status: status, body: body) else {
                Issue.record("\(status) \(body) was taken for an answer")
                continue
            }
        }
    }

    @Test("workers count as far as the policy asks for")
    func workerFold() {
        func verdict(
            _ bundles: [(eligible: Int, acked: Int)], minimum: Int? = nil,
            zero: SIEModel.Readiness.ScaledToZero = .countsAsAcked
        ) -> (Condition.State, ModelReason) {
            let fold = WorkerFold(
                bundles.enumerated().map { index, bundle in
                    .init(name: "b\(index)", eligibleWorkers: bundle.eligible, ackedWorkers: bundle.acked)
                },
                readiness: .init(policy: .acked, scaledToZero: zero, minAckedWorkers: minimum))
            return (fold.status, fold.reason)
        }
        #expect(verdict([(2, 2)]) == (.true, .allAcked))
        #expect(verdict([(2, 1)]) == (.false, .pending))
        #expect(verdict([(3, 1)], minimum: 1) == (.true, .allAcked))
        #expect(verdict([(3, 1)], minimum: 2) == (.false, .pending))
        #expect(verdict([(0, 0)]) == (.true, .noEligibleWorkers))
        #expect(verdict([(0, 0)], zero: .wait) == (.false, .noEligibleWorkers))
        #expect(verdict([(2, 2), (0, 0)]) == (.true, .allAcked))
        #expect(verdict([(2, 2), (0, 0)], zero: .wait) == (.false, .noEligibleWorkers))
        #expect(verdict([(0, 0)], minimum: 1) == (.true, .noEligibleWorkers))
    }
}
