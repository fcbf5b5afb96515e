import JSONStream
import Kubernetes
import NIOConcurrencyHelpers
import Observability
import Operator
import TestSupport
import Testing

/// The reconciler's requests, one by one, against servers that record them. What field managers do to them is proven on a
/// real API server.
@Suite("Reconciler of bundles", .timeLimit(.minutes(1)))
struct BundleReconcilerTests {
    private static let path = "/apis/sie.dev/v1alpha1/siebundles"
    private static let key = ObjectKey(namespace: "n", name: "default")

    /// An API server with everything that bundles own, and a config service that tells what the test says.
    private final class Rig: Sendable {
        let kubernetes: FakeKubernetesAPIServer
        let config: LoopbackHTTPServer
        /// The bundle's document; nil for none.
        let advertised = NIOLockedValueBox<String?>(nil)
        private let reconciler: BundleReconciler

        init(hasKEDA: Bool = true, restarts deployment: String? = nil) async throws {
            let kubernetes = try await FakeKubernetesAPIServer()
            self.kubernetes = kubernetes
            kubernetes.offer(["services", "configmaps", "pods"], in: "/api/v1")
            kubernetes.offer(["statefulsets", "daemonsets"], in: "/apis/apps/v1")
            // A server from before 1.21.
            kubernetes.offer(["poddisruptionbudgets"], in: "/apis/policy/v1beta1")
            if hasKEDA { kubernetes.offer(["scaledobjects"], in: "/apis/keda.sh/v1alpha1") }
            let advertised = advertised
            config = try await LoopbackHTTPServer { request, _ in
                if request.path == "/v1/configs/epoch" { return .text(#"{"epoch":3,"bundles_hash":"h"}"#) }
                guard let document = advertised.withLockedValue({ $0 }) else { return .text("{}", status: 404) }
                return .text(document)
            }
            let cluster = try FakeCluster(kubernetes)
            let find: @Sendable (ObjectKey) -> SIEBundle? = { key in
                kubernetes.object(key.name, in: BundleReconcilerTests.path, namespace: "n").flatMap {
                    try? $0.decode(SIEBundle.self)
                }
            }
            reconciler = BundleReconciler(
                .init(
                    client: cluster.client,
                    config: ConfigServiceClient(cluster.curl, url: config.url, token: BearerToken(file: nil)),
                    events: cluster.events, installation: BundleWorld.installation,
                    finalizerTimeouts: MetricsRegistry().counter("timeouts", help: "").with(), find: find,
                    bundles: { [find(BundleReconcilerTests.key)].compactMap { $0 } },
                    restart: deployment.map { ConfigServiceRestart(cluster.client, deployment: $0) }))
        }

        func put(_ change: JSONValue = [:], metadata: JSONValue = [:]) {
            kubernetes.put(
                [
                    "metadata": MergePatch.apply(metadata, to: ["name": "default", "generation": 1]),
                    "spec": MergePatch.apply(
                        change,
                        to: [
                            "adapters": ["acme.enc"], "image": ["repository": "r.example/sie"],
                            "workerGroups": [["machineProfile": "l4", "minReplicas": 0]],
                        ]),
                ], in: BundleReconcilerTests.path, namespace: "n")
        }

        func reconcile() async throws -> ReconcileResult {
            try await reconciler.reconcile(BundleReconcilerTests.key, FakeCluster.logger)
        }

        func tell() { advertised.withLockedValue { $0 = "name: default\npriority: 100\nadapters: [acme.enc]\n" } }

        var bundle: SIEBundle? {
            let object = kubernetes.object("default", in: BundleReconcilerTests.path, namespace: "n")
            return try? object?.decode()
        }

        /// Lets everything that the conditions tell have begun long ago.
        func age() {
            let object = object("default", BundleReconcilerTests.path) ?? .object([])
            let conditions = (object["status"]?["conditions"]?.arrayValue ?? []).map {
                MergePatch.apply(["lastTransitionTime": "2026-01-01T00:00:00Z"], to: $0)
            }
            kubernetes.put(
                MergePatch.apply(["status": ["conditions": .array(conditions)]], to: object),
                in: BundleReconcilerTests.path, namespace: "n")
        }

        func reason(_ type: ConditionType) -> String? { bundle?.status?.conditions[type]?.reason }

        func object(_ name: String, _ collection: String) -> JSONValue? {
            kubernetes.object(name, in: collection, namespace: "n")
        }

        /// What was written to the API server: the method and the path.
        var writes: [String] {
            kubernetes.requests.filter { $0.method != "GET" }.map { request in
                let path = request.path.split(separator: "/").suffix(2).joined(separator: "/")
                return "\(request.method) \(path)"
            }
        }
    }

    @Test("nobody takes a new bundle for ready, and it is held before anything is written elsewhere")
    func order() async throws {
        let rig = try await Rig()
        rig.put()
        _ = try await rig.reconcile()
        #expect(
            rig.writes.prefix(3) == [
                "PATCH default/status", "PATCH siebundles/default", "PATCH configmaps/sie-bundles",
            ])
        #expect(rig.reason(.ready) == "DefinitionNotAdvertised" && rig.reason(.advertised) == "HashPending")
        #expect(rig.bundle?.metadata.finalizers == [SIEBundle.finalizer])
        #expect(rig.object("sie-bundles", "/api/v1/configmaps")?["data"]?["default.yaml"] != nil)
        // Workers of a bundle that nobody knows would be of no use.
        #expect(rig.object("sie-worker-default-l4", "/apis/apps/v1/statefulsets") == nil)
        let publish = rig.kubernetes.requests.first { $0.method == "PATCH" && $0.path.contains("configmaps") }
        #expect(publish?.query["fieldManager"] == "sie-operator/bundle/default" && publish?.query["force"] == nil)
    }

    @Test("an advertised bundle gets its objects where the server has them; then nothing is written any more")
    func steady() async throws {
        let rig = try await Rig()
        rig.put()
        rig.tell()
        _ = try await rig.reconcile()
        let set = try #require(rig.object("sie-worker-default-l4", "/apis/apps/v1/statefulsets"))
        #expect(set["spec"]?["replicas"] == 0)
        #expect(rig.object("sie-worker-default", "/api/v1/services") != nil)
        #expect(rig.object("sie-worker-default-l4", "/apis/policy/v1beta1/poddisruptionbudgets") != nil)
        #expect(rig.object("sie-worker-default-l4-scaler", "/apis/keda.sh/v1alpha1/scaledobjects") != nil)
        #expect(rig.reason(.ready) == "ScalerNotReady")
        let writes = rig.writes.count
        for _ in 0..<3 { _ = try await rig.reconcile() }
        #expect(rig.writes.count == writes, "\(rig.writes.dropFirst(writes))")
    }

    @Test("without KEDA's kind a bundle at zero is Dormant all the same, and says what is missing")
    func withoutKEDA() async throws {
        let rig = try await Rig(hasKEDA: false)
        rig.put()
        rig.tell()
        let result = try await rig.reconcile()
        #expect(rig.reason(.ready) == "Dormant" && rig.reason(.autoscalingReady) == "KEDANotInstalled")
        guard case .requeueAfter(let wait) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(wait >= .seconds(480) && wait <= .seconds(720))
        #expect(!rig.writes.contains { $0.contains("scaledobjects") })
    }

    @Test("a file that another manager has is a finding, and no error that comes again and again")
    func conflict() async throws {
        let rig = try await Rig()
        rig.put()
        rig.kubernetes.fail(.status(409, reason: "Conflict")) { $0.path.contains("configmaps") && $0.method == "PATCH" }
        _ = try await rig.reconcile()
        #expect(rig.reason(.definitionPublished) == "ConflictingOwner")
        #expect(rig.bundle?.status?.conditions[.reconciling] != nil)
        _ = try await rig.reconcile()
        #expect(rig.reason(.definitionPublished) == "Synced")
    }

    @Test("what the API server refuses is told in the status, and tried again")
    func refused() async throws {
        let rig = try await Rig()
        rig.put()
        rig.tell()
        for (path, type) in [("configmaps", ConditionType.definitionPublished), ("statefulsets", .workersAvailable)] {
            rig.kubernetes.fail(.status(403, reason: "Forbidden")) { $0.path.contains(path) && $0.method != "GET" }
            await #expect(throws: KubernetesError.self) { try await rig.reconcile() }
            let condition = try #require(rig.bundle?.status?.conditions[type])
            #expect(condition.status == .false && condition.message.contains(path), "\(condition)")
        }
        _ = try await rig.reconcile()
        #expect(rig.bundle?.status?.conditions.isTrue(.definitionPublished) == true)
        #expect(rig.object("sie-worker-default-l4", "/apis/apps/v1/statefulsets") != nil)
    }

    @Test("a suspended bundle, one that breaks a rule and one that is gone write nothing elsewhere")
    func silent() async throws {
        let rig = try await Rig()
        #expect(try await rig.reconcile() == .done)
        rig.put(["suspend": true])
        #expect(try await rig.reconcile() == .done)
        #expect(rig.reason(.ready) == "Suspended")
        rig.put(["image": .null])
        _ = try await rig.reconcile()
        #expect(rig.reason(.stalled) == "InvalidSpec")
        #expect(rig.writes.allSatisfy { $0 == "PATCH default/status" })
    }

    @Test("a deleted bundle takes its objects along before it goes")
    func drain() async throws {
        let rig = try await Rig()
        rig.put()
        rig.tell()
        _ = try await rig.reconcile()
        let finalizers = rig.bundle?.metadata.finalizers.map { JSONValue.string($0) } ?? []
        let uid = rig.bundle?.metadata.uid.map { JSONValue.string($0) } ?? .null
        rig.put(
            metadata: [
                "finalizers": .array(finalizers), "uid": uid, "deletionTimestamp": .string("\(Self.now())"),
            ])
        _ = try await rig.reconcile()
        #expect(rig.object("sie-worker-default-l4", "/apis/apps/v1/statefulsets") == nil)
        #expect(rig.object("sie-worker-default", "/api/v1/services") == nil)
        #expect(rig.object("sie-worker-default-l4-scaler", "/apis/keda.sh/v1alpha1/scaledobjects") == nil)
        // It goes with its last finalizer.
        #expect(rig.object("default", Self.path) == nil)
        let deleted = rig.writes.filter { $0.hasPrefix("DELETE") }
        #expect(deleted.first?.contains("scaledobjects") == true && deleted.last?.contains("services") == true)
    }

    private static func now() -> String {
        (try? JSONValue(encoding: Timestamp(secondsSince1970: 4_000_000_000)).stringValue) ?? ""
    }

    // MARK: A config service that reads bundles at its start alone

    @Test("its Deployment is rolled once for each state of the definitions, and not before it had time to read them")
    func restart() async throws {
        let rig = try await Rig(restarts: "sie-config")
        let deployments = "/apis/apps/v1/deployments"
        rig.kubernetes.put(["metadata": ["name": "sie-config"], "spec": [:]], in: deployments, namespace: "n")
        func digest() -> String? {
            let template = rig.object("sie-config", deployments)?["spec"]?["template"]
            return template?["metadata"]?["annotations"]?[ConfigServiceRestart.annotation]?.stringValue
        }
        rig.put()
        _ = try await rig.reconcile()
        #expect(rig.reason(.advertised) == "HashPending" && digest() == nil)
        rig.age()
        _ = try await rig.reconcile()
        let files = ["default.yaml": rig.object("sie-bundles", "/api/v1/configmaps")?["data"]?["default.yaml"]]
        #expect(rig.reason(.advertised) == "RestartRequired")
        #expect(digest() == ConfigServiceRestart.digest(of: files.compactMapValues { $0?.stringValue }))
        let first = digest()
        _ = try await rig.reconcile()
        #expect(rig.writes.count { $0 == "PATCH deployments/sie-config" } == 1)
        rig.put(["adapters": ["acme.enc", "acme.other"]], metadata: ["generation": 2])
        _ = try await rig.reconcile()
        rig.age()
        _ = try await rig.reconcile()
        #expect(digest() != first && rig.writes.count { $0 == "PATCH deployments/sie-config" } == 2)
    }

    @Test("nobody's Deployment is rolled who has not asked for it, and one that is not there stops nothing")
    func noRestart() async throws {
        let quiet = try await Rig()
        let missing = try await Rig(restarts: "sie-config")
        for rig in [quiet, missing] {
            rig.put()
            _ = try await rig.reconcile()
            rig.age()
            _ = try await rig.reconcile()
            #expect(rig.reason(.advertised) == "RestartRequired")
            #expect(!rig.writes.contains { $0.contains("deployments") })
        }
        #expect(!quiet.kubernetes.requests.contains { $0.path.contains("deployments") })
    }

    @Test("the digest is of names and texts in any order, and tells where one ends")
    func digest() {
        let digest = ConfigServiceRestart.digest(of: ["a": "1", "b": "2"])
        #expect(digest == ConfigServiceRestart.digest(of: ["b": "2", "a": "1"]) && digest.utf8.count == 64)
        #expect(digest != ConfigServiceRestart.digest(of: ["a": "1b2"]))
        #expect(ConfigServiceRestart.digest(of: ["ab": ""]) != ConfigServiceRestart.digest(of: ["a": "b"]))
    }
}
