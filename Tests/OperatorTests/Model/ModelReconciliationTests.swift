import JSONStream
import Kubernetes
import Operator
import Testing
import YAML

/// Reconciles driven by hand: what is asked for, in which order, and what is written.
@Suite("Reconciliation of a model")
struct ModelReconciliationTests {
    /// A config service and gateways that do what they should, unless they are told otherwise.
    private struct World {
        var documents: [String: YAMLMapping] = [:]
        /// Keys that were used.
        var keys: [String: [UInt8]] = [:]
        /// Of each post, whether it was said to be a repair.
        var repairs: [Bool] = []
        var epoch = 4
        /// Comes instead of the next answers to posts.
        var postAnswers: [RegistrationOutcome] = []
        /// Comes instead of the next answers to reads.
        var readAnswers: [RegistrationOutcome] = []
        var replicas = 2

        mutating func post(_ payload: ModelPayload, _ key: String) throws -> RegistrationOutcome {
            if !postAnswers.isEmpty { return postAnswers.removeFirst() }
            if let body = keys[key] {
                return body == payload.bytes
                    ? .registered(.init(created: payload.profileNames, routerID: "sie-config-0")) : .keyReused("reused")
            }
            keys[key] = payload.bytes
            documents[payload.modelID] = try YAMLNode(parsing: payload.bytes).mapping
            epoch += 1
            return .registered(.init(created: payload.profileNames, routerID: "sie-config-0"))
        }

        func reports(_ id: String, now: Timestamp) -> [ReplicaReport] {
            (0..<replicas).map { index in
                ReplicaReport(
                    pod: "gateway-\(index)", readySince: Timestamp(secondsSince1970: 0),
                    answer: documents[id] == nil
                        ? .unknownModel
                        : .known(epoch: epoch, bundles: [.init(name: "default", expectedHash: "h\(epoch)")]))
            }
        }
    }

    private let start = Timestamp(secondsSince1970: 1_790_000_000)

    private func model(_ change: JSONValue = [:], annotations: JSONValue = [:]) throws -> SIEModel {
        let spec: JSONValue = ["modelID": "a/b", "profiles": [["name": "default", "adapterPath": "m:C"]]]
        let document: JSONValue = [
            "metadata": [
                "name": "m", "namespace": "n", "uid": "u", "generation": 1, "annotations": annotations,
            ],
            "spec": MergePatch.apply(change, to: spec), "status": ["observedGeneration": -1],
        ]
        return try document.decode()
    }

    /// Runs one reconcile to its end.
    /// - Parameter crashBefore: ends it instead of doing the first action of this name.
    /// - Returns: the names of what was asked for, and when to come back; the model has the status that was written.
    @discardableResult
    private func reconcile(
        _ model: inout SIEModel, _ world: inout World, at seconds: Int64 = 0, duplicate: ObjectKey? = nil,
        awaitsBundles: Bool = false, isFleetCheck: Bool = false, crashBefore: String? = nil
    ) throws -> (steps: [String], after: ModelReconciliation.Return?) {
        let now = Timestamp(secondsSince1970: start.secondsSince1970 + seconds)
        var reconciliation = ModelReconciliation(
            model, duplicate: duplicate, awaitsBundles: awaitsBundles, isFleetCheck: isFleetCheck, now: now)
        var steps: [String] = []
        var action = reconciliation.start()
        while steps.count < 20 {
            let name = "\(action)".prefix { $0 != "(" }
            if String(name) == crashBefore { return (steps, nil) }
            steps.append(String(name))
            switch action {
            case .write(let status):
                model.status = status
                action = try reconciliation.handle(.written)
            case .fetchModel(let id):
                let refusal = world.readAnswers.isEmpty ? nil : world.readAnswers.removeFirst()
                action = try reconciliation.handle(refusal.map { .unanswered($0) } ?? .model(world.documents[id]))
            case .post(let payload, let key, let isRepair):
                world.repairs.append(isRepair)
                action = try reconciliation.handle(.answered(try world.post(payload, key)))
            case .readToken: action = try reconciliation.handle(.tokenRead)
            case .fetchEpoch: action = try reconciliation.handle(.epoch(world.epoch))
            case .probe(let id): action = try reconciliation.handle(.probed(world.reports(id, now: now)))
            case .finish(let status, let after):
                model.status = status
                return (steps, after)
            }
        }
        Issue.record("the reconcile does not end: \(steps)")
        return (steps, nil)
    }

    @Test("a new model is announced before it is sent, sent once, and ready when the gateways route it")
    func new() throws {
        var (model, world) = (try model(), World())
        let first = try reconcile(&model, &world)
        #expect(
            first.steps == ["write", "fetchModel", "post", "fetchEpoch", "probe", "finish"])
        #expect(first.after == .afterSeconds(ModelReconciliation.steadySeconds))
        let status = try #require(model.status)
        #expect(status.conditions[.ready]?.reason == "Routable" && status.conditions[.registered]?.reason == "Created")
        #expect(status.registration?.configEpoch == 5 && status.registration?.attempt == 0)
        #expect(status.registration?.routerID == "sie-config-0" && status.registration?.registeredAt == start)
        #expect(world.keys.count == 1 && world.keys.keys.contains(status.registration?.idempotencyKey ?? ""))
        #expect(world.repairs == [false])
        #expect(status.summary == "2/2 gateways")
    }

    @Test("where the gateways alone have changed, the catalogue is not asked, unless anything was wrong with it")
    func fleetCheck() throws {
        var (model, world) = (try model(), World())
        #expect(try reconcile(&model, &world, isFleetCheck: true).steps.contains("post"))
        let before = model.status
        let check = try reconcile(&model, &world, at: 100, isFleetCheck: true)
        #expect(check.steps == ["probe", "finish"] && model.status == before)
        #expect(check.after == .afterSeconds(ModelReconciliation.steadySeconds))
        world.readAnswers = [.retry(.configServiceUnavailable, "away")]
        try reconcile(&model, &world, at: 200)
        #expect(try reconcile(&model, &world, at: 300, isFleetCheck: true).steps.first == "fetchModel")
        model.metadata.generation = 2
        #expect(try reconcile(&model, &world, at: 400, isFleetCheck: true).steps.first == "fetchModel")
    }

    @Test("a second reconcile of an unchanged world sends nothing and finds the same status")
    func unchanged() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        let before = model.status
        let second = try reconcile(&model, &world, at: 300)
        #expect(second.steps == ["fetchModel", "fetchEpoch", "probe", "finish"])
        #expect(model.status == before)
    }

    @Test("the status of a model to which nothing happens is the same for ten minutes, looked at ever so often")
    func quiet() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        let before = model.status
        for second in stride(from: Int64(1), through: 600, by: 7) {
            let look = try reconcile(&model, &world, at: second)
            #expect(!look.steps.contains("write") && !look.steps.contains("post"))
            #expect(model.status == before, "after \(second) s")
        }
    }

    @Test("the registration of other models moves epochs and hashes on, and is no reason to write")
    func otherModels() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        let before = model.status
        world.epoch += 2000
        try reconcile(&model, &world, at: 300)
        #expect(model.status == before)
        // What is written for another reason tells the newest.
        world.replicas = 3
        try reconcile(&model, &world, at: 600)
        #expect(model.status?.gateways?.minEpoch == 2005 && model.status?.bundles?.first?.expectedHash == "h2005")
    }

    @Test("a model that was there before its object is adopted, and nothing is sent")
    func adopted() throws {
        var (model, world) = (try model(), World())
        world.documents["a/b"] = try YAMLNode(
            parsing: "{sie_id: a/b, profiles: {default: {adapter_path: 'm:C'}}}"
        ).mapping
        #expect(try reconcile(&model, &world).steps == ["write", "fetchModel", "fetchEpoch", "probe", "finish"])
        #expect(model.status?.conditions[.registered]?.reason == "Adopted")
        // Nothing was sent under a key.
        #expect(model.status?.registration?.idempotencyKey == nil)
        try reconcile(&model, &world, at: 300)
        #expect(model.status?.conditions[.registered]?.reason == "Adopted")
        #expect(world.keys.isEmpty)
    }

    @Test(
        "a crash at any step leads to one write of the catalogue, and to the same end",
        arguments: ["post", "fetchEpoch", "probe"])
    func crash(_ step: String) throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world, crashBefore: step)
        let key = model.status?.registration?.idempotencyKey
        #expect(key != nil)
        try reconcile(&model, &world)
        #expect(model.status?.conditions.isTrue(.ready) == true)
        #expect(world.epoch == 5 && Array(world.keys.keys) == [key])
    }

    @Test("a lost answer is followed by the same key")
    func lostAnswer() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.retry(.configServiceUnavailable, "reset by peer")]
        let first = try reconcile(&model, &world)
        #expect(first.after == .withBackoff(atLeastSeconds: nil))
        #expect(model.status?.conditions[.reconciling]?.reason == "Retrying")
        let key = model.status?.registration?.idempotencyKey
        #expect(try reconcile(&model, &world, at: 2).steps == ["fetchModel", "post", "fetchEpoch", "probe", "finish"])
        #expect(model.status?.registration?.idempotencyKey == key)
        #expect(model.status?.conditions.isTrue(.ready) == true)
    }

    @Test(
        "a model that the config service has lost is sent anew, with another key and the new epoch, and stays ready meanwhile"
    )
    func wipedStore() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        let key = model.status?.registration?.idempotencyKey
        (world.documents, world.epoch) = ([:], 0)
        let again = try reconcile(&model, &world, at: 60, crashBefore: "post")
        #expect(again.steps == ["fetchModel", "write"])
        #expect(model.status?.conditions.isTrue(.ready) == true)
        #expect(model.status?.registration?.attempt == 1)
        try reconcile(&model, &world, at: 61)
        #expect(model.status?.registration?.attempt == 1 && model.status?.registration?.idempotencyKey != key)
        #expect(model.status?.registration?.configEpoch == 1)
        #expect(model.status?.conditions.isTrue(.ready) == true)
        #expect(world.repairs == [false, true])
    }

    @Test("a config service that counts anew and still has the model does not make gateways stale")
    func epochFall() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        world.epoch = 2
        try reconcile(&model, &world, at: 60)
        #expect(model.status?.registration?.configEpoch == 2)
        #expect(model.status?.conditions.isTrue(.ready) == true)
    }

    @Test("a profile that is added is sent under a key of its own, and a changed one never is")
    func changes() throws {
        var (model, world) = (try model(), World())
        try reconcile(&model, &world)
        let key = model.status?.registration?.idempotencyKey
        let status = model.status
        model = try self.model([
            "profiles": [["name": "default", "adapterPath": "m:C"], ["name": "dense", "extends": "default"]]
        ])
        (model.status, model.metadata.generation) = (status, 2)
        #expect(try reconcile(&model, &world, at: 60).steps.contains("post"))
        #expect(model.status?.registration?.profiles == ["default", "dense"])
        #expect(model.status?.registration?.idempotencyKey != key && model.status?.observedGeneration == 2)

        let later = model.status
        model = try self.model(["profiles": [["name": "default", "adapterPath": "m:D"]]])
        (model.status, model.metadata.generation) = (later, 3)
        let refused = try reconcile(&model, &world, at: 120)
        #expect(refused.steps == ["fetchModel", "finish"])
        #expect(refused.after == .afterSeconds(ModelReconciliation.stalledSeconds))
        #expect(model.status?.conditions[.stalled]?.reason == "AppendOnlyConflict")
        #expect(model.status?.conditions[.stalled]?.message.contains("profile default") == true)
    }

    @Test("a ready model stays ready while the config service is away or refuses the token")
    func away() throws {
        for refusal in [RegistrationOutcome.retry(.configServiceUnavailable, "refused"), .unauthorized("401")] {
            var (model, world) = (try model(), World())
            try reconcile(&model, &world)
            world.readAnswers = [refusal, refusal]
            let reconciled = try reconcile(&model, &world, at: 60)
            #expect(reconciled.steps.last == "finish" && reconciled.steps.contains("probe"))
            #expect(reconciled.after == .withBackoff(atLeastSeconds: nil))
            #expect(model.status?.conditions.isTrue(.ready) == true)
        }
    }

    @Test("a token that is refused is read again once, and then looked at every minute")
    func token() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.unauthorized("403")]
        #expect(try reconcile(&model, &world).steps.filter { $0 == "post" }.count == 2)
        #expect(model.status?.conditions.isTrue(.ready) == true)
        (model, world) = (try self.model(), World())
        world.postAnswers = [.unauthorized("403"), .unauthorized("403")]
        #expect(
            try reconcile(&model, &world).after == .afterSeconds(ModelReconciliation.unauthorizedSeconds))
        #expect(model.status?.conditions[.stalled]?.reason == "Unauthorized")
    }

    @Test("a key that was used with another document is replaced once")
    func reusedKey() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.keyReused("422")]
        try reconcile(&model, &world)
        #expect(model.status?.registration?.attempt == 1 && model.status?.conditions.isTrue(.ready) == true)
        (model, world) = (try self.model(), World())
        world.postAnswers = [.keyReused("422"), .keyReused("422")]
        try reconcile(&model, &world)
        #expect(model.status?.conditions[.stalled]?.reason == "IdempotencyMismatch")
    }

    @Test("an answer that the service has forgotten is looked up, once")
    func forgottenAnswer() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.appliedBefore, .appliedBefore]
        let reconciled = try reconcile(&model, &world)
        #expect(reconciled.steps.filter { $0 == "fetchModel" }.count == 2)
        #expect(reconciled.after == .withBackoff(atLeastSeconds: nil))
    }

    @Test("an unknown adapter waits for bundles that are not advertised yet, and is stalled without any")
    func unroutable() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.unroutable("no bundle")]
        try reconcile(&model, &world, awaitsBundles: true)
        #expect(model.status?.conditions[.reconciling]?.reason == "Retrying")
        (model, world) = (try self.model(), World())
        world.postAnswers = [.unroutable("no bundle")]
        try reconcile(&model, &world)
        #expect(model.status?.conditions[.stalled]?.reason == "ValidationFailed")
    }

    @Test("the service's wait is kept to")
    func retryAfter() throws {
        var (model, world) = (try model(), World())
        world.postAnswers = [.retry(.natsUnavailable, "429", afterSeconds: 17)]
        #expect(try reconcile(&model, &world).after == .withBackoff(atLeastSeconds: 17))
        #expect(model.status?.conditions[.registered]?.reason == "NATSUnavailable")
    }

    @Test(
        "what is suspended, invalid or a duplicate is left alone, and a request for a reconcile is acknowledged all the same"
    )
    func leftAlone() throws {
        let annotations: JSONValue = ["sie.dev/reconcile-at": "now"]
        var world = World()
        var suspended = try model(["suspend": true], annotations: annotations)
        let first = try reconcile(&suspended, &world)
        #expect(first.steps == ["finish"] && first.after == .never)
        #expect(suspended.status?.conditions[.ready]?.reason == "Suspended")
        #expect(suspended.status?.lastHandledReconcileAt == "now" && !suspended.isReconcileRequested)

        var invalid = try model(["modelID": "a//b"], annotations: annotations)
        #expect(try reconcile(&invalid, &world).steps == ["finish"])
        #expect(invalid.status?.conditions[.stalled]?.reason == "InvalidSpec")

        var duplicate = try model(annotations: annotations)
        let other = ObjectKey(namespace: "n", name: "older")
        #expect(try reconcile(&duplicate, &world, duplicate: other).steps == ["finish"])
        #expect(duplicate.status?.conditions[.stalled]?.reason == "DuplicateModelID")
        #expect(duplicate.status?.lastHandledReconcileAt == "now")
        #expect(world.keys.isEmpty)
    }

    @Test("a gateway that is behind is asked again soon")
    func behind() throws {
        var (model, world) = (try model(), World())
        world.replicas = 0
        let first = try reconcile(&model, &world)
        #expect(first.after == .withBackoff(atLeastSeconds: nil))
        #expect(model.status?.conditions[.routable]?.reason == "NoGatewayReplicas")
        #expect(model.status?.conditions[.reconciling]?.reason == "WaitingForGateways")
    }

    @Test("an event that nothing asked for is an error, and no trap")
    func unexpected() throws {
        var reconciliation = ModelReconciliation(try model(), now: start)
        _ = reconciliation.start()
        do throws(ModelReconciliation.UnexpectedEvent) {
            let action = try reconciliation.handle(.epoch(1))
            Issue.record("\(action) follows")
        } catch {
            #expect(error.description.contains("epoch"))
        }
    }
}
