import CurlClient
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import NIOHTTP1
import Observability
import Operator
import TestSupport
import Testing

/// The reconciler's requests, one by one, against servers that record them.
@Suite("Reconciler of models", .timeLimit(.minutes(1)))
struct ModelReconcilerTests {
    private static let path = "/apis/sie.dev/v1alpha1/siemodels"

    /// A config service that keeps documents, and gateways that know what it has.
    private final class Rig: Sendable {
        let kubernetes: FakeKubernetesAPIServer
        let config: LoopbackHTTPServer
        let gateway: LoopbackHTTPServer
        let registered = NIOLockedValueBox<[UInt8]?>(nil)
        let fleetChecks = FleetChecks()
        private let reconciler: ModelReconciler
        private let cluster: FakeCluster

        init() async throws {
            let kubernetes = try await FakeKubernetesAPIServer()
            self.kubernetes = kubernetes
            let registered = registered
            config = try await LoopbackHTTPServer { request, _ in
                switch (request.method, request.path) {
                case ("POST", _):
                    registered.withLockedValue { $0 = request.body }
                    return .text(
                        #"{"created_profiles":["default"],"existing_profiles_skipped":[],"warnings":[]}"#, status: 201)
                case (_, "/v1/configs/epoch"): return .text(#"{"epoch":3,"bundles_hash":"h"}"#)
                default:
                    guard let document = registered.withLockedValue({ $0 }) else { return .text("{}", status: 404) }
                    return .reply(200, body: document)
                }
            }
            gateway = try await LoopbackHTTPServer { _, _ in
                .text(
                    #"{"config_epoch":3,"no_bundles":false,"bundles":[{"bundle_id":"default","#
                        + #""expected_bundle_config_hash":"x","total_eligible_workers":0,"acked_workers":[],"#
                        + #""pending_workers":[],"acked":false}]}"#)
            }
            cluster = try FakeCluster(kubernetes, gatewayPort: gateway.port)
            let token = BearerToken(file: nil)
            reconciler = ModelReconciler(
                .init(
                    client: cluster.client, config: ConfigServiceClient(cluster.curl, url: config.url, token: token),
                    fleet: cluster.fleet, prober: GatewayProber(cluster.curl, token: token), events: cluster.events,
                    finalizerTimeouts: MetricsRegistry().counter("timeouts", help: "").with(),
                    find: { key in
                        kubernetes.object(key.name, in: ModelReconcilerTests.path, namespace: "n").flatMap {
                            try? $0.decode(SIEModel.self)
                        }
                    }, namesakes: { [$0] }, fleetChecks: fleetChecks))
        }

        func run(_ body: () async throws -> Void) async throws { try await cluster.run(body) }

        func standBehindService(_ pods: [String]) async throws { try await cluster.replaceGateways(pods) }

        func put(_ name: String, spec extra: [JSONMember] = []) {
            kubernetes.put(
                [
                    "metadata": ["name": .string(name), "generation": 1],
                    "spec": .object(
                        [
                            JSONMember("modelID", "acme/mini"),
                            JSONMember("profiles", [["name": "default", "adapterPath": "acme.enc:A"]]),
                        ] + extra),
                ], in: ModelReconcilerTests.path, namespace: "n")
        }

        func reconcile(_ name: String) async throws -> ReconcileResult {
            try await reconciler.reconcile(ObjectKey(namespace: "n", name: name), FakeCluster.logger)
        }

        func status(_ name: String) -> SIEModel.Status? {
            let object = kubernetes.object(name, in: ModelReconcilerTests.path, namespace: "n")
            return (try? object?.decode(SIEModel.self))?.status
        }

        /// What was written to the API server.
        var writes: [FakeKubernetesAPIServer.Request] { kubernetes.requests.filter { $0.method != "GET" } }
        /// What was asked of the config service.
        var asked: [String] { config.requests.map { "\($0.method) \($0.path)" } }
    }

    @Test("nobody is asked before the object says that it is not ready, and the key is kept before it is used")
    func order() async throws {
        let rig = try await Rig()
        rig.put("m")
        try await rig.run {
            let result = try await rig.reconcile("m")
            guard case .requeueAfter(let wait) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(wait >= .seconds(240) && wait <= .seconds(360))
            #expect(rig.writes.allSatisfy { $0.path.utf8.suffix(9).elementsEqual("/m/status".utf8) })
            let statuses = rig.writes.map { $0.body["status"] ?? .null }
            #expect(statuses.count == 2)
            #expect(
                statuses.first?["conditions"]?.arrayValue?.first { $0["type"] == "Ready" }?["status"] == "Unknown")
            let key = statuses.first?["registration"]?["idempotencyKey"]?.stringValue
            #expect(key != nil)
            let post = rig.config.requests.first { $0.method == "POST" }
            #expect(post?.headers["idempotency-key"] == [key ?? ""])
            #expect(rig.status("m")?.conditions.isTrue(.ready) == true)
            #expect(rig.status("m")?.registration?.configEpoch == 3)
            // Every write is under the version that it was decided for.
            #expect(rig.writes.allSatisfy { $0.body["metadata"]?["resourceVersion"] != nil })
        }
    }

    @Test("looking again at a world that has not changed writes nothing anywhere")
    func steady() async throws {
        let rig = try await Rig()
        rig.put("m")
        try await rig.run {
            _ = try await rig.reconcile("m")
            let (writes, asked) = (rig.writes.count, rig.asked.count)
            for _ in 0..<3 { _ = try await rig.reconcile("m") }
            #expect(rig.writes.count == writes)
            #expect(rig.asked.dropFirst(asked).allSatisfy { $0.utf8.starts(with: "GET ".utf8) })
        }
    }

    @Test("a status that somebody else has changed meanwhile is not written over; the next reconcile decides anew")
    func conflict() async throws {
        let rig = try await Rig()
        rig.put("m")
        try await rig.run {
            rig.kubernetes.fail(.status(409, reason: "Conflict")) { $0.method == "PATCH" }
            await #expect(throws: KubernetesError.self) { try await rig.reconcile("m") }
            #expect(rig.asked.isEmpty)
            _ = try await rig.reconcile("m")
            #expect(rig.status("m")?.conditions.isTrue(.ready) == true)
        }
    }

    @Test("a suspended model, one that breaks a rule and one that is gone ask nobody")
    func silent() async throws {
        let rig = try await Rig()
        rig.put("suspended", spec: [JSONMember("suspend", true)])
        rig.put("broken", spec: [JSONMember("readiness", ["policy": "Routable", "minAckedWorkers": 1])])
        try await rig.run {
            #expect(try await rig.reconcile("gone") == .done)
            #expect(try await rig.reconcile("suspended") == .done)
            #expect(rig.status("suspended")?.conditions[.ready]?.reason == "Suspended")
            _ = try await rig.reconcile("broken")
            #expect(rig.status("broken")?.conditions[.stalled]?.reason == "InvalidSpec")
            #expect(rig.asked.isEmpty)
        }
    }

    @Test("a replica that comes is asked about each model once, and nobody else is; one that goes costs nothing")
    func fleet() async throws {
        let rig = try await Rig()
        rig.put("m")
        try await rig.run {
            _ = try await rig.reconcile("m")
            let (asked, probed) = (rig.asked.count, rig.gateway.requests.count)
            func check() async throws {
                rig.fleetChecks.add([ObjectKey(namespace: "n", name: "m")])
                _ = try await rig.reconcile("m")
            }
            try await rig.standBehindService(["gateway-0", "gateway-1"])
            try await check()
            #expect(rig.gateway.requests.count == probed + 1)
            #expect(rig.status("m")?.summary == "2/2 gateways")
            try await rig.standBehindService(["gateway-0"])
            try await check()
            #expect(rig.gateway.requests.count == probed + 1)
            #expect(rig.status("m")?.summary == "1/1 gateways")
            #expect(rig.asked.count == asked)
            // A look for any other reason asks everybody.
            try await rig.standBehindService(["gateway-0", "gateway-2"])
            _ = try await rig.reconcile("m")
            #expect(rig.gateway.requests.count == probed + 3 && rig.asked.count > asked)
        }
    }
}
