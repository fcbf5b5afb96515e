import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Plan of a bundle")
struct BundlePlanTests {
    private let set = "sie-worker-default-l4"

    private func kinds(_ actions: [BundleAction]) -> [String] {
        actions.map { action in
            switch action {
            case .publish: "publish"
            case .apply(let kind, _, _, _): kind.rawValue
            case .delete(let kind, let name, _, _): "delete \(kind.rawValue) \(name)"
            case .handOverReplicas: "hand over"
            case .scale(_, let number): "scale \(number)"
            case .pause: "pause"
            case .disown: "disown"
            case .withdraw: "withdraw"
            }
        }
    }

    @Test("the definition comes first; workers wait until the config service tells it")
    func order() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        let (rounds, last) = try world.converge(bundle)
        #expect(rounds.map(kinds) == [["publish"]])
        #expect(last?.obstacles.isEmpty == true)
        #expect(
            world.observed.files == [
                "default.yaml": "name: default\npriority: 100\ndefault: false\nadapters:\n- acme.enc\n"
            ])

        world.advertise(bundle)
        let (next, end) = try world.converge(bundle)
        #expect(
            next.map(kinds) == [
                ["Service", "StatefulSet", "ScaledObject", "PodDisruptionBudget"], ["hand over", "StatefulSet"],
            ])
        #expect(end?.actions.isEmpty == true)
    }

    @Test("a scaled group keeps its number whatever is applied afterwards, and nobody ever applies it but at the start")
    func replicas() throws {
        var world = BundleWorld()
        var bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        #expect(world.observed.workers(set)?.wanted == 1)
        let managed = ManagedFields(of: try #require(world.observed[.statefulSet, set]))
        #expect(managed.managers(of: ["spec", "replicas"]) == [BundleAction.creationManager])

        // KEDA, by the scale subresource.
        world.merge(.statefulSet, set, ["spec": ["replicas": 5]])
        bundle = try BundleWorld.bundle(["image": ["tag": "2.0"]])
        let (rounds, _) = try world.converge(bundle)
        #expect(rounds.map(kinds) == [["StatefulSet"]])
        #expect(world.observed.workers(set)?.wanted == 5)
        let applied = try #require(rounds.first?.first)
        guard case .apply(_, _, let document, let cause) = applied else {
            Issue.record("\(applied)")
            return
        }
        #expect(document["spec"]?["replicas"] == nil && cause == .changed)
    }

    @Test("a group that is created at zero stays at zero")
    func zero() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle(
            ["workerGroups": [["machineProfile": "l4", "minReplicas": 0, "maxReplicas": 3]]])
        world.advertise(bundle)
        _ = try world.converge(bundle)
        #expect(world.observed.workers(set)?.wanted == 0)
    }

    @Test("a crash between creation and hand-over is made good by the next look")
    func crash() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        let first = try #require(
            BundlePlan(
                bundle, isDefault: false, objects: try BundleWorld.objects(bundle), observed: world.observed,
                now: BundleWorld.now))
        for action in first.actions { world.perform(action) }
        world.merge(.statefulSet, set, ["spec": ["replicas": 4]])
        let (rounds, _) = try world.converge(bundle)
        #expect(rounds.map(kinds) == [["hand over", "StatefulSet"]])
        #expect(world.observed.workers(set)?.wanted == 4)
    }

    @Test("what somebody else changes is applied again; what the server adds is not touched")
    func drift() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(.service, "sie-worker-default", ["spec": ["sessionAffinity": "None", "clusterIPs": ["None"]]])
        #expect(try world.converge(bundle).rounds.isEmpty)
        world.merge(.service, "sie-worker-default", ["spec": ["clusterIP": "10.0.0.1"]])
        let (rounds, _) = try world.converge(bundle)
        guard case .apply(.service, _, _, .drifted(let field))? = rounds.first?.first else {
            Issue.record("\(rounds)")
            return
        }
        #expect(field == "spec.clusterIP")
    }

    @Test("workers that are there go on while the config service is away; new ones wait")
    func configServiceAway() throws {
        var world = BundleWorld()
        var bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.observed.advertisement = .unavailable("timeout")
        bundle = try BundleWorld.bundle([
            "image": ["tag": "2.0"],
            "workerGroups": [
                ["machineProfile": "l4", "minReplicas": 1, "maxReplicas": 3],
                ["machineProfile": "cpu", "minReplicas": 1, "maxReplicas": 3],
            ],
        ])
        let (rounds, _) = try world.converge(bundle)
        #expect(rounds.map(kinds) == [["StatefulSet"]])
    }

    @Test("without KEDA there is no ScaledObject, and the operator keeps the least number and no more")
    func withoutKEDA() throws {
        var world = BundleWorld()
        world.observed.served.remove(.scaledObject)
        var bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        let (rounds, _) = try world.converge(bundle)
        #expect(!rounds.flatMap(kinds).contains("ScaledObject"))
        bundle = try BundleWorld.bundle(
            ["workerGroups": [["machineProfile": "l4", "minReplicas": 2, "maxReplicas": 3]]])
        #expect(try world.converge(bundle).rounds.map(kinds) == [["scale 2"]])
        world.merge(.statefulSet, set, ["spec": ["replicas": 3]])
        #expect(try world.converge(bundle).rounds.isEmpty)
    }

    @Test("with the engine None the operator says the number, and takes the ScaledObject away")
    func engineNone() throws {
        var world = BundleWorld()
        var bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(.statefulSet, set, ["spec": ["replicas": 3]])
        bundle = try BundleWorld.bundle([
            "workerGroups": [
                ["machineProfile": "l4", "minReplicas": 2, "maxReplicas": 3, "scaling": ["engine": "None"]]
            ]
        ])
        let (rounds, _) = try world.converge(bundle)
        #expect(rounds.map(kinds) == [["scale 2", "delete ScaledObject \(set)-scaler"]])
    }

    @Test("a group that is gone from the spec goes in the reverse order of its coming")
    func removedGroup() throws {
        var world = BundleWorld()
        var bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        bundle = try BundleWorld.bundle(["workerGroups": .null])
        #expect(
            try world.converge(bundle).rounds.map(kinds) == [
                [
                    "delete ScaledObject \(set)-scaler", "delete StatefulSet \(set)",
                    "delete PodDisruptionBudget \(set)", "delete Service sie-worker-default",
                ]
            ])
    }

    @Test("nothing of somebody else's is touched unless it is offered")
    func foreign() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        world.observed.objects[.statefulSet] = [set: ["metadata": ["name": .string(set), "uid": "x"], "spec": [:]]]
        let (rounds, last) = try world.converge(bundle)
        #expect(!rounds.flatMap(kinds).contains("StatefulSet"))
        #expect(last?.obstacles == [.foreignObject(.statefulSet, name: set)])
    }

    @Test("a field that cannot change stops the bundle, unless making the StatefulSet anew is allowed")
    func immutable() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(.statefulSet, set, ["spec": ["serviceName": "other"]])
        let (_, last) = try world.converge(bundle)
        #expect(last?.obstacles == [.immutableField(.statefulSet, name: set, field: "spec.serviceName")])
        let allowed = try BundleWorld.bundle(annotations: ["sie.dev/allow-recreate": "true"])
        let plan = BundlePlan(
            allowed, isDefault: false, objects: try BundleWorld.objects(allowed), observed: world.observed,
            now: BundleWorld.now)
        #expect(plan?.actions == [.delete(.statefulSet, name: set, uid: "uid-of-it", orphans: true)])
    }

    @Test("adapters that models need, and definitions that do not fit, stop everything")
    func obstacles() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.observed.adaptersInUse = ["acme.old": ["a/b"]]
        #expect(try world.converge(bundle).last?.obstacles == [.adaptersInUse(["acme.old": ["a/b"]])])
        world.observed.adaptersInUse = [:]
        world.observed.configMap = ["data": ["other.yaml": .string(String(repeating: "x", count: 900 << 10))]]
        guard case .definitionTooLarge(let bytes)? = try world.converge(bundle).last?.obstacles.first else {
            Issue.record("it fits")
            return
        }
        #expect(bytes > 900 << 10)
    }

    @Test("a file with the right text is taken as ours only once we have applied it")
    func ownFile() throws {
        let bundle = try BundleWorld.bundle()
        var world = BundleWorld()
        _ = try world.converge(bundle)
        let configMap = try #require(world.observed.configMap)
        let others = MergePatch.apply(
            [
                "metadata": [
                    "managedFields": [
                        ["manager": "kubectl", "operation": "Update", "fieldsV1": ["f:data": ["f:default.yaml": [:]]]]
                    ]
                ]
            ], to: configMap)
        world.observed.configMap = others
        #expect(try world.converge(bundle).rounds.map(kinds) == [["publish"]])
    }

    @Test("a new version that crashes for longer than the deadline is stopped where it is")
    func stuckRollout() throws {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle()
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(
            .statefulSet, set,
            [
                "spec": ["replicas": 3],
                "status": [
                    "replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "currentRevision": "a",
                    "updateRevision": "b",
                ],
            ])
        func pod(_ ordinal: Int, _ revision: String, _ trouble: WorkerPodState.Trouble?, age: Int64) -> WorkerPodState {
            WorkerPodState(
                name: "\(set)-\(ordinal)", machineProfile: "l4", revision: revision,
                created: Timestamp(secondsSince1970: BundleWorld.now.secondsSince1970 - age), trouble: trouble)
        }
        world.observed.pods = [pod(0, "a", nil, age: 9999), pod(2, "b", .crashLoop("Error"), age: 300)]
        #expect(try world.converge(bundle).rounds.isEmpty)
        world.observed.pods = [pod(0, "a", nil, age: 9999), pod(2, "b", .crashLoop("Error"), age: 601)]
        let (rounds, last) = try world.converge(bundle)
        #expect(last?.stoppedRollouts == ["l4": 2])
        guard case .apply(_, _, let document, _)? = rounds.first?.first else {
            Issue.record("\(rounds)")
            return
        }
        #expect(document["spec"]?["updateStrategy"]?["rollingUpdate"]?["partition"] == 2)
        let careless = try BundleWorld.bundle(["rollout": ["pauseOnFailure": false]])
        #expect(try world.converge(careless).last?.stoppedRollouts.isEmpty == true)
    }
}
