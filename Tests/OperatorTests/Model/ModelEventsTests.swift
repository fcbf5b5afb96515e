import Kubernetes
import Operator
import Testing

@Suite("Events of models")
struct ModelEventsTests {
    private static let now = Timestamp(secondsSince1970: 1_800_000_000)

    private func conditions(
        _ all: [(ConditionType, Condition.State, ModelReason)], from before: Conditions = Conditions()
    ) -> Conditions {
        var conditions = before
        for (type, state, reason) in all {
            conditions.set(type, state, reason: reason, message: "\(type) \(reason)", generation: 1, now: Self.now)
        }
        return conditions
    }

    private func reasons(_ before: Conditions?, _ after: Conditions) -> [String] {
        ModelEvents.events(from: before, to: after).map { "\($0.type.rawValue) \($0.reason)" }
    }

    @Test("what has come to be so is told once, in the order of what happens")
    func progress() {
        let begun = conditions([(.ready, .unknown, .progressing), (.reconciling, .true, .registering)])
        #expect(reasons(nil, begun) == [])
        let waiting = conditions([(.registered, .true, .created), (.routable, .false, .replicaStale)], from: begun)
        #expect(reasons(begun, waiting) == ["Normal Registered"])
        let ready = conditions(
            [(.routable, .true, .allReplicas), (.workersAcked, .true, .allAcked), (.ready, .true, .routable)],
            from: waiting)
        #expect(reasons(waiting, ready) == ["Normal Routable", "Normal WorkersAcked"])
        #expect(reasons(ready, ready) == [])
        #expect(reasons(nil, conditions([(.registered, .true, .adopted)])) == ["Normal Adopted"])
    }

    @Test("what breaks is told as a warning: a routable model, a registration, a stall; never twice for one cause")
    func trouble() {
        let ready = conditions([(.registered, .true, .created), (.routable, .true, .allReplicas)])
        let stale = conditions([(.routable, .false, .replicaStale)], from: ready)
        #expect(reasons(ready, stale) == ["Warning GatewayReplicaStale"])
        let silent = conditions([(.routable, .false, .replicaUnreachable)], from: ready)
        #expect(reasons(ready, silent) == ["Warning ReplicaUnreachable"])
        let away = conditions([(.registered, .false, .configServiceUnavailable)])
        #expect(reasons(Conditions(), away) == ["Warning ConfigServiceUnavailable"])
        let stalled = conditions([(.registered, .false, .appendOnlyConflict), (.stalled, .true, .appendOnlyConflict)])
        #expect(reasons(Conditions(), stalled) == ["Warning AppendOnlyConflict"])
        #expect(reasons(stalled, stalled) == [])
    }

    @Test("an object is looked at again for what others change, not for its own status")
    func changes() {
        let model = SIEModel(
            metadata: ObjectMeta(name: "a", uid: "1", generation: 1), spec: .init(modelID: "m", profiles: []))
        func matters(_ change: (inout SIEModel) -> Void) -> Bool {
            var changed = model
            changed.metadata.resourceVersion = "2"
            change(&changed)
            return ResourceChange.matters(.updated(from: model, to: changed))
        }
        #expect(matters { _ in } == false)
        #expect(matters { $0.status = SIEModel.Status() } == false)
        #expect(matters { $0.metadata.labels = ["a": "b"] } == false)
        #expect(matters { $0.metadata.generation = 2 })
        #expect(matters { $0.metadata.annotations = [SIEGroup.reconcileAtAnnotation: "now"] })
        #expect(matters { $0.metadata.deletionTimestamp = Self.now })
        #expect(matters { $0.metadata.uid = "2" })
        #expect(ResourceChange.matters(.added(model)) && ResourceChange.matters(.deleted(model, isMissed: true)))
    }
}
