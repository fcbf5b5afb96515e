import JSONStream
import Kubernetes
import Observability
import Operator
import TestSupport
import Testing

@Suite("Release of deleted objects", .timeLimit(.minutes(1)))
struct ObjectReleaseTests {
    private enum Note: String, FinalizationNote {
        case finalized = "Finalized"
        case finalizerTimeout = "FinalizerTimeout"
        case finalizerForced = "FinalizerForced"
    }

    private static let path = "/apis/sie.dev/v1alpha1/siemodels"

    /// Objects that wait for their finalizers, on a server whose events are written around a test.
    private final class Rig: Sendable {
        let kubernetes: FakeKubernetesAPIServer
        let timeouts = MetricsRegistry().counter("timeouts", help: "").with()
        private let cluster: FakeCluster
        private let release: ObjectRelease

        init() async throws {
            kubernetes = try await FakeKubernetesAPIServer()
            cluster = try FakeCluster(kubernetes)
            release = ObjectRelease(cluster.events, timeouts: timeouts)
        }

        func put(_ name: String, finalizers: [String]) throws -> SIEModel {
            kubernetes.put(
                [
                    "metadata": [
                        "name": .string(name), "deletionTimestamp": "2026-01-01T00:00:00Z",
                        "finalizers": .array(finalizers.map { .string($0) }),
                    ],
                    "spec": ["modelID": "a/b", "profiles": [["name": "default", "adapterPath": "m:C"]]],
                ], in: ObjectReleaseTests.path, namespace: "n")
            return try #require(try object(name)?.decode(SIEModel.self))
        }

        func object(_ name: String) -> JSONValue? {
            kubernetes.object(name, in: ObjectReleaseTests.path, namespace: "n")
        }

        func perform(on model: SIEModel, _ note: Note) async throws {
            let resources = cluster.client.resources(SIEModel.self, in: "n")
            try await release.perform(on: model, in: resources, note, message: "text")
        }

        func run(_ body: () async throws -> Void) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await self.cluster.events.run() }
                defer { group.cancelAll() }
                try await body()
            }
        }

        /// What has been told: the type, the reason and the object.
        func told() async -> [String] {
            await cluster.events.flush(within: .seconds(20))
            return kubernetes.requests.filter { $0.method == "POST" }.map(\.body).map { event in
                [event["type"], event["reason"], event["involvedObject"]?["name"]]
                    .map { $0?.stringValue ?? "" }.joined(separator: " ")
            }
        }
    }

    @Test("the operator's finalizer goes and no other, and people are told why; only missed deadlines are counted")
    func ends() async throws {
        let rig = try await Rig()
        try await rig.run {
            for (name, note) in [("a", Note.finalized), ("b", .finalizerTimeout), ("c", .finalizerForced)] {
                let model = try rig.put(name, finalizers: ["example.com/other", SIEModel.finalizer])
                try await rig.perform(on: model, note)
                #expect(rig.object(name)?["metadata"]?["finalizers"] == ["example.com/other"])
            }
            #expect(
                await rig.told().sorted() == [
                    "Normal Finalized a", "Warning FinalizerForced c", "Warning FinalizerTimeout b",
                ])
        }
        #expect(rig.timeouts.value == 1)
    }

    @Test("an object that cannot be let go is not said to be gone, and one that is gone already is")
    func refused() async throws {
        let rig = try await Rig()
        try await rig.run {
            let model = try rig.put("a", finalizers: [SIEModel.finalizer])
            rig.kubernetes.fail(.status(403, reason: "Forbidden")) { $0.method == "PATCH" }
            await #expect(throws: KubernetesError.self) { try await rig.perform(on: model, .finalizerTimeout) }
            #expect(await rig.told() == [])
            #expect(rig.timeouts.value == 0)
            rig.kubernetes.remove("a", in: Self.path, namespace: "n")
            try await rig.perform(on: model, .finalizerTimeout)
            #expect(await rig.told() == ["Warning FinalizerTimeout a"])
            #expect(rig.timeouts.value == 1)
        }
    }
}
