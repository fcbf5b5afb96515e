import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("Drain of a bundle")
struct BundleDrainTests {
    /// A bundle with workers that is being deleted, and its world.
    private func world(_ change: JSONValue = [:]) throws -> (BundleWorld, SIEBundle) {
        var world = BundleWorld()
        let bundle = try BundleWorld.bundle(change)
        world.advertise(bundle)
        _ = try world.converge(bundle)
        world.merge(
            .statefulSet, "sie-worker-default-l4", ["status": ["replicas": 1, "readyReplicas": 1]])
        return (world, bundle)
    }

    private func next(
        _ world: BundleWorld, _ bundle: SIEBundle, after seconds: Int64 = 0
    ) throws -> BundleDrain {
        var deleted = bundle
        deleted.metadata.deletionTimestamp = BundleWorld.now
        let now = Timestamp(secondsSince1970: BundleWorld.now.secondsSince1970 + seconds)
        return BundleDrain.next(
            for: deleted, objects: try BundleWorld.objects(bundle), observed: world.observed, now: now)
    }

    /// Acts until there is something to wait for, or nothing to do.
    private func run(
        _ world: inout BundleWorld, _ bundle: SIEBundle, after seconds: Int64 = 0
    ) throws -> (steps: [BundleAction], end: BundleDrain) {
        var steps: [BundleAction] = []
        for _ in 0..<20 {
            let step = try next(world, bundle, after: seconds)
            guard case .act(let actions, _) = step else { return (steps, step) }
            for action in actions {
                steps.append(action)
                world.perform(action)
            }
        }
        throw Endless()
    }

    private struct Endless: Error {}

    @Test("KEDA is held first, then the queue may empty, then workers, definition and object go")
    func order() throws {
        var (world, bundle) = try world()
        world.observed.queuedItems = 4
        let held = try run(&world, bundle, after: 10)
        #expect(held.steps == [.pause(name: "sie-worker-default-l4-scaler")])
        guard case .wait(let message, 2, nil) = held.end else {
            Issue.record("\(held.end)")
            return
        }
        #expect(message == "4 items wait for the workers")

        world.observed.queuedItems = 0
        let stopped = try run(&world, bundle, after: 12)
        #expect(
            stopped.steps == [
                .delete(.scaledObject, name: "sie-worker-default-l4-scaler", uid: "uid-of-it", orphans: false),
                .scale(name: "sie-worker-default-l4", 0),
            ])
        guard case .wait("1 workers finish what they have", 2, nil) = stopped.end else {
            Issue.record("\(stopped.end)")
            return
        }

        world.merge(.statefulSet, "sie-worker-default-l4", ["status": ["readyReplicas": .null]])
        let gone = try run(&world, bundle, after: 20)
        #expect(gone.end == .release(.finalized, message: "the bundle's workers and its definition are gone"))
        #expect(world.observed.objects.values.allSatisfy { $0.isEmpty })
        #expect(world.observed.files.isEmpty)
        // The definition outlives the workers.
        guard case .withdraw? = gone.steps.last else {
            Issue.record("\(gone.steps)")
            return
        }
    }

    @Test(
        "a queue that does not empty is waited for as long as workers have to end, and one that nobody tells of is not")
    func grace() throws {
        var (world, bundle) = try world()
        world.observed.queuedItems = 4
        _ = try run(&world, bundle, after: 10)
        #expect(try run(&world, bundle, after: 65).steps.count == 2)
        var (other, unknown) = try self.world()
        other.observed.queuedItems = nil
        #expect(try run(&other, unknown).steps.count == 3)
    }

    @Test("a ScaledObject that KEDA does not let go is told of after two minutes, and ends with the deadline")
    func kedaGone() throws {
        var (world, bundle) = try world()
        world.merge(
            .scaledObject, "sie-worker-default-l4-scaler",
            [
                "metadata": [
                    "deletionTimestamp": "2026-09-21T00:00:00Z", "finalizers": [.string(ScaledObject.finalizer)],
                ]
            ])
        guard case .wait(_, 2, nil) = try run(&world, bundle, after: 60).end else {
            Issue.record("it is told of too early")
            return
        }
        guard case .wait(let message, _, "KEDAFinalizerBlocked"?) = try run(&world, bundle, after: 186).end else {
            Issue.record("it is not told of")
            return
        }
        #expect(message.contains("sie-worker-default-l4-scaler"))
        guard case .release(.finalizerTimeout, _) = try run(&world, bundle, after: 665).end else {
            Issue.record("the object stays for ever")
            return
        }
    }

    @Test("with Orphan the workers stay and belong to nobody")
    func orphan() throws {
        var (world, bundle) = try world(["deletionPolicy": "Orphan"])
        let (steps, end) = try run(&world, bundle)
        #expect(steps.count == 4)
        #expect(end == .release(.workersRetained, message: "the workers stay (deletionPolicy Orphan)"))
        let live = try #require(world.observed[.statefulSet, "sie-worker-default-l4"])
        #expect(live["metadata"]?["ownerReferences"] == nil && WorkerSetState(live).wanted == 1)
        #expect(!world.observed.files.isEmpty)
    }

    @Test("force-finalize leaves everything behind at once, and so does a spec that cannot be read")
    func forced() throws {
        let (world, bundle) = try world()
        var forced = bundle
        forced.metadata.annotations[SIEGroup.forceFinalizeAnnotation] = "true"
        #expect(
            try next(world, forced) == .release(.finalizerForced, message: "sie.dev/force-finalize is set"))
        var unreadable = bundle
        unreadable.spec = .unreadable([:], reason: "adapters: missing")
        let step = BundleDrain.next(for: unreadable, objects: nil, observed: world.observed, now: BundleWorld.now)
        guard case .release(let note, _) = step else {
            Issue.record("\(step)")
            return
        }
        #expect(note.isWarning)
        var free = bundle
        free.metadata.finalizers = []
        #expect(try next(world, free) == .done)
    }

    @Test("objects of other bundles and of nobody are left alone")
    func others() throws {
        var (world, bundle) = try world()
        world.observed.objects[.statefulSet]?["other"] = [
            "metadata": [
                "name": "other",
                "ownerReferences": [["apiVersion": "v1", "kind": "X", "name": "x", "uid": "y", "controller": true]],
            ],
            "spec": ["replicas": 3], "status": ["readyReplicas": 3],
        ]
        world.merge(.statefulSet, "sie-worker-default-l4", ["status": ["readyReplicas": 0]])
        #expect(
            try run(&world, bundle).end
                == .release(.finalized, message: "the bundle's workers and its definition are gone"))
        #expect(world.observed[.statefulSet, "other"] != nil)
    }
}
