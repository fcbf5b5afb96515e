import JSONStream
import Kubernetes
import Operator
import Testing

/// What a bundle's status says of what there is, and how tools take it.
@Suite("Status of a bundle")
struct BundleStatusTests {
    private let set = "sie-worker-default-l4"

    private func at(_ seconds: Int64) -> Timestamp {
        Timestamp(secondsSince1970: BundleWorld.now.secondsSince1970 + seconds)
    }

    /// One look at a world: what comes into the status.
    private func look(
        _ world: BundleWorld, _ bundle: inout SIEBundle, publication: BundleFold.Verdict? = nil,
        obstacles: [BundlePlan.Obstacle] = [], stopped: [String: Int] = [:], at seconds: Int64 = 0
    ) throws {
        let spec = try #require(bundle.spec.value)
        let definition = BundleDefinition(
            name: bundle.bundleName ?? "", priority: spec.priority, isDefault: false, adapters: spec.adapters)
        let fold = BundleFold(
            bundle, spec, definition: definition, objects: try BundleWorld.objects(bundle), observed: world.observed,
            publication: publication, stoppedRollouts: stopped, now: at(seconds))
        bundle.status = BundleStatusWriter(bundle, now: at(seconds)).outcome(
            fold, obstacles: obstacles, modelCount: 2)
        try check(bundle)
    }

    /// The rules that every status keeps to, whatever it says.
    private func check(_ bundle: SIEBundle) throws {
        let status = try #require(bundle.status)
        let (reconciling, stalled) = (status.conditions[.reconciling], status.conditions[.stalled])
        #expect(status.observedGeneration == bundle.metadata.generation)
        #expect(reconciling == nil || stalled == nil)
        if status.conditions[.ready]?.status == .false { #expect(reconciling != nil || stalled != nil) }
        if status.conditions.isTrue(.ready) { #expect(reconciling == nil && stalled == nil) }
    }

    /// A world in which everything is as it should be.
    private func world(_ change: JSONValue = [:]) throws -> (BundleWorld, SIEBundle) {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle(change)
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(.statefulSet, set, ["status": ["replicas": 1, "readyReplicas": 1, "updatedReplicas": 1]])
        world.merge(
            .scaledObject, "\(set)-scaler",
            ["status": ["conditions": [["type": "Ready", "status": "True"], ["type": "Active", "status": "True"]]]])
        return (world, bundle)
    }

    private func ready(_ bundle: SIEBundle) -> String? { bundle.status?.conditions[.ready]?.reason }

    @Test("a bundle whose definition is told and whose workers are ready is Available, with numbers for each group")
    func available() throws {
        var (world, bundle) = try world()
        try look(world, &bundle)
        let status = try #require(bundle.status)
        #expect(ready(bundle) == "Available" && status.conditions.isTrue(.ready))
        #expect(status.conditions.isTrue(.autoscalingReady) && status.conditions.isTrue(.advertised))
        #expect(status.replicas == 1 && status.readyReplicas == 1 && status.modelCount == 2)
        let group = try #require(status.groups?.first)
        #expect(group.statefulSet == set && group.scaledObject == "\(set)-scaler" && group.active == true)
        #expect(group.message == nil)
        #expect(status.definition?.configMap == "sie-bundles" && status.definition?.advertised == true)
        // Nothing new is nothing to write.
        let before = bundle.status
        try look(world, &bundle, at: 3600)
        #expect(bundle.status == before)
    }

    @Test("the status of a bundle to which nothing happens is the same for ten minutes, looked at ever so often")
    func quiet() throws {
        var (world, bundle) = try world()
        try look(world, &bundle)
        let before = bundle.status
        for second in stride(from: Int64(1), through: 600, by: 7) {
            try look(world, &bundle, at: second)
            #expect(bundle.status == before, "after \(second) s")
        }
    }

    @Test("groups at zero by choice keep nobody waiting")
    func dormant() throws {
        var (world, bundle) = try world(
            ["workerGroups": [["machineProfile": "l4", "minReplicas": 0, "maxReplicas": 3]]])
        world.merge(.statefulSet, set, ["status": ["replicas": 0, "readyReplicas": .null]])
        try look(world, &bundle)
        #expect(ready(bundle) == "Dormant" && bundle.status?.conditions.isTrue(.ready) == true)
        #expect(bundle.status?.conditions[.workersAvailable]?.reason == "ScaledToZero")
        // Woken up, it is on its way.
        world.merge(.statefulSet, set, ["spec": ["replicas": 1]])
        try look(world, &bundle, at: 10)
        #expect(bundle.status?.conditions[.workersAvailable]?.reason == "Progressing")
    }

    @Test("a bundle without workers of its own is ready when it is told")
    func withoutGroups() throws {
        var world = BundleWorld()
        var bundle = try BundleWorld.bundle(["workerGroups": .null, "image": .null])
        try look(world, &bundle)
        #expect(ready(bundle) == "DefinitionNotAdvertised")
        #expect(bundle.status?.conditions[.advertised]?.status == .unknown)
        world.advertise(bundle)
        try look(world, &bundle, at: 5)
        #expect(ready(bundle) == "Available")
        #expect(bundle.status?.conditions[.autoscalingReady]?.reason == "Disabled")
    }

    @Test("a config service that reads bundles at its start alone is found out after three minutes")
    func restartRequired() throws {
        var (world, bundle) = try world()
        world.observed.advertisement = .answered(nil)
        try look(world, &bundle)
        #expect(bundle.status?.conditions[.advertised]?.reason == "HashPending")
        #expect(ready(bundle) == "DefinitionNotAdvertised")
        try look(world, &bundle, at: 179)
        #expect(bundle.status?.conditions[.advertised]?.reason == "HashPending")
        try look(world, &bundle, at: 180)
        #expect(bundle.status?.conditions[.advertised]?.reason == "RestartRequired")
        // Others would be told for ever; this one in the end needs somebody.
        try look(world, &bundle, at: 600)
        #expect(bundle.status?.conditions[.stalled]?.reason == "ProgressDeadlineExceeded")
    }

    @Test("what was told before counts while the config service is away, but not for another definition")
    func configServiceAway() throws {
        var (world, bundle) = try world()
        try look(world, &bundle)
        world.observed.advertisement = .unavailable("timeout")
        try look(world, &bundle, at: 10)
        #expect(bundle.status?.conditions.isTrue(.ready) == true)
        #expect(bundle.status?.conditions[.advertised]?.reason == "ConfigServiceUnavailable")
        let status = bundle.status
        bundle = try BundleWorld.bundle(["priority": 5])
        bundle.status = status
        try look(world, &bundle, at: 20)
        #expect(ready(bundle) == "DefinitionNotAdvertised")
    }

    @Test("lost workers are forgiven for a minute where there were enough, and not at the start")
    func damping() throws {
        var (world, bundle) = try world()
        try look(world, &bundle)
        world.merge(.statefulSet, set, ["status": ["readyReplicas": 0]])
        try look(world, &bundle, at: 100)
        #expect(bundle.status?.conditions.isTrue(.ready) == true)
        #expect(bundle.status?.conditions[.workersAvailable]?.reason == "Progressing")
        #expect(BundleStatusWriter.dampedSeconds(try #require(bundle.status), now: at(130)) == 30)
        try look(world, &bundle, at: 159)
        #expect(bundle.status?.conditions.isTrue(.ready) == true)
        try look(world, &bundle, at: 160)
        #expect(ready(bundle) == "WorkersUnavailable")

        var (other, new) = try self.world()
        other.merge(.statefulSet, set, ["status": ["readyReplicas": 0]])
        try look(other, &new)
        #expect(ready(new) == "WorkersUnavailable")
    }

    @Test(
        "what keeps pods from working is said in its own words",
        arguments: [
            (WorkerPodState.Trouble.unschedulable("0/3 nodes are available"), "Unschedulable"),
            (.imagePullFailed("r.example/sie:1.0: ErrImagePull"), "ImagePullFailed"),
            (.crashLoop("Error, exit code 1"), "CrashLoop"),
        ])
    func troubles(_ trouble: WorkerPodState.Trouble, _ reason: String) throws {
        var (world, bundle) = try world()
        world.merge(.statefulSet, set, ["status": ["readyReplicas": 0]])
        world.observed.pods = [WorkerPodState(name: "\(set)-0", machineProfile: "l4", trouble: trouble)]
        try look(world, &bundle)
        #expect(bundle.status?.conditions[.workersAvailable]?.reason == reason)
        #expect(bundle.status?.groups?.first?.message?.isEmpty == false)
        let told = BundleEvents.events(from: nil, to: try #require(bundle.status))
        #expect(told.contains { $0.type == .warning && $0.reason == reason })
    }

    @Test("pods are read as the kubelet and the scheduler write them")
    func pods() throws {
        func state(_ status: JSONValue, age: Int64 = 700) -> WorkerPodState.Trouble? {
            WorkerPodState(
                [
                    "metadata": [
                        "name": "x-worker-2", "creationTimestamp": "2026-01-01T00:00:00Z",
                        "labels": ["sie.superlinked.com/machine-profile": "l4", "controller-revision-hash": "r"],
                    ],
                    "status": status,
                ], now: Timestamp(secondsSince1970: 1_767_225_600 + age)
            ).trouble
        }
        let unscheduled: JSONValue = [
            "phase": "Pending",
            "conditions": [["type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"]],
        ]
        #expect(state(unscheduled) == .unschedulable("0/3 nodes are available"))
        #expect(state(unscheduled, age: 600) == nil)
        func waiting(_ reason: String) -> JSONValue {
            [
                "containerStatuses": [
                    [
                        "image": "i:1", "restartCount": 3, "state": ["waiting": ["reason": .string(reason)]],
                        "lastState": ["terminated": ["reason": "OOMKilled", "exitCode": 137]],
                    ]
                ]
            ]
        }
        #expect(state(waiting("ImagePullBackOff")) == .imagePullFailed("i:1: ImagePullBackOff"))
        #expect(state(waiting("CrashLoopBackOff")) == .crashLoop("OOMKilled after 3 restarts, exit code 137"))
        #expect(state(waiting("ContainerCreating")) == nil)
        #expect(WorkerPodState(name: "sie-worker-default-l4-12").ordinal == 12)
    }

    @Test("KEDA's absence, silence and fallback are three things")
    func autoscaling() throws {
        var (world, bundle) = try world()
        func verdict() throws -> [String?] {
            try look(world, &bundle)
            return [bundle.status?.conditions[.autoscalingReady]?.reason, ready(bundle)]
        }
        world.merge(
            .scaledObject, "\(set)-scaler",
            ["status": ["conditions": [["type": "Ready", "status": "True"], ["type": "Fallback", "status": "True"]]]])
        #expect(try verdict() == ["ScalerFallback", "Available"])
        world.merge(.scaledObject, "\(set)-scaler", ["status": ["conditions": []]])
        #expect(try verdict() == ["ScaledObjectNotReady", "ScalerNotReady"])
        world.observed.served.remove(.scaledObject)
        world.observed.objects[.scaledObject] = nil
        #expect(try verdict() == ["KEDANotInstalled", "Available"])
        let told = BundleEvents.events(from: nil, to: try #require(bundle.status))
        #expect(told.map(\.reason).contains("KEDANotInstalled"))
    }

    @Test("what only somebody else can change stalls at once, and names the object")
    func stalled() throws {
        var (world, bundle) = try world()
        try look(world, &bundle, obstacles: [.foreignObject(.statefulSet, name: set)])
        #expect(bundle.status?.conditions[.stalled]?.reason == "InvalidSpec")
        #expect(bundle.status?.conditions[.stalled]?.message.contains(set) == true)
        #expect(ready(bundle) == "InvalidSpec" && bundle.status?.conditions[.ready]?.status == .false)
        try look(world, &bundle, obstacles: [.adaptersInUse(["acme.old": ["a/b", "c/d"]])])
        #expect(bundle.status?.conditions[.stalled]?.reason == "AdaptersInUse")
        #expect(bundle.status?.conditions[.stalled]?.message == "acme.old is the only route of a/b, c/d")
        let obstacles: [BundlePlan.Obstacle] = [
            .adaptersInUse([:]), .definitionTooLarge(bytes: 1), .foreignObject(.service, name: "s"),
            .immutableField(.statefulSet, name: "s", field: "f"), .overlay(machineProfile: "l4", "x"),
        ]
        #expect(
            obstacles.map { $0.publication?.reason } == [.adaptersInUse, .tooLarge, nil, nil, nil])
        #expect(obstacles.allSatisfy { $0.publication?.state != .true })
        try look(world, &bundle, stopped: ["l4": 2])
        #expect(ready(bundle) == "RolloutStuck")
        try look(world, &bundle)
        #expect(ready(bundle) == "Available")
    }

    @Test("a file that somebody else has is a conflict, and the bundle is not ready")
    func conflict() throws {
        var (world, bundle) = try world()
        try look(world, &bundle, publication: .init(.false, .conflictingOwner, "kubectl has it"))
        #expect(bundle.status?.conditions[.definitionPublished]?.reason == "ConflictingOwner")
        #expect(ready(bundle) == "DefinitionNotAdvertised")
    }

    @Test("the first status, a suspended one and that of a duplicate are not ready")
    func others() throws {
        var bundle = try BundleWorld.bundle()
        bundle.status = BundleStatusWriter(bundle, now: at(0)).begun()
        try check(bundle)
        #expect(bundle.status?.conditions[.ready]?.status == .unknown)
        #expect(bundle.status?.conditions[.reconciling] != nil)
        bundle.status = BundleStatusWriter(bundle, now: at(0)).suspended()
        #expect(ready(bundle) == "Suspended" && bundle.status?.conditions[.reconciling] == nil)
        bundle.status = BundleStatusWriter(bundle, now: at(0)).duplicate(
            of: ObjectKey(namespace: "n", name: "older"), bundleName: "default")
        try check(bundle)
        #expect(bundle.status?.conditions[.stalled]?.reason == "DuplicateBundleName")
    }

    // MARK: Events

    @Test("people are told of what came to be so, once")
    func events() throws {
        var (world, bundle) = try world()
        try look(world, &bundle)
        let first = try #require(bundle.status)
        #expect(BundleEvents.events(from: nil, to: first).map(\.reason) == ["DefinitionPublished"])
        #expect(BundleEvents.events(from: first, to: first).isEmpty)
        world.merge(.statefulSet, set, ["status": ["replicas": 3, "updatedReplicas": 1]])
        try look(world, &bundle, at: 1)
        let rolling = try #require(bundle.status)
        world.merge(.statefulSet, set, ["status": ["updatedReplicas": 3]])
        try look(world, &bundle, at: 2)
        let rolled = try #require(bundle.status)
        #expect(BundleEvents.events(from: rolling, to: rolled).map(\.reason) == ["RolloutCompleted"])
        world.merge(.statefulSet, set, ["spec": ["replicas": 0], "status": ["replicas": 0]])
        try look(world, &bundle, at: 3)
        let slept = try #require(bundle.status)
        #expect(BundleEvents.events(from: rolled, to: slept).map(\.reason).contains("ScaledToZero"))
        #expect(BundleEvents.events(from: slept, to: rolled).map(\.reason).contains("ScaledFromZero"))
    }
}
