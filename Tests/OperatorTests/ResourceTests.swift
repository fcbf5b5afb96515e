import JSONStream
import Kubernetes
import Operator
import TestSupport
import Testing

@Suite("Custom resources in Swift")
struct ResourceTests {
    private func model(_ spec: JSONValue, _ metadata: JSONValue = ["name": "m", "generation": 3]) throws -> SIEModel {
        let document: JSONValue = [
            "apiVersion": "sie.dev/v1alpha1", "kind": "SIEModel", "metadata": metadata, "spec": spec,
        ]
        return try document.decode()
    }

    private let smallest: JSONValue = ["modelID": "a/b", "profiles": [["name": "default", "adapterPath": "m:C"]]]

    @Test("a spec that cannot be read says which field is at fault, and does not keep the object from being read")
    func unreadable() throws {
        let object = try model(["modelID": "a/b", "profiles": [["name": "default", "computePrecision": "float8"]]])
        guard case .unreadable(let document, let reason) = object.spec else {
            Issue.record("the spec was read: \(object.spec)")
            return
        }
        #expect(reason.contains("profiles.0.computePrecision"), "\(reason)")
        #expect(object.key.name == "m")
        #expect(try JSONValue(encoding: object)["spec"] == document)
        let missing = try model(["modelID": "a/b"])
        guard case .unreadable(_, let lack) = missing.spec else {
            Issue.record("the spec was read: \(missing.spec)")
            return
        }
        #expect(lack.contains("profiles"), "\(lack)")
    }

    @Test("an object without a spec is read")
    func noSpec() throws {
        let document: JSONValue = ["metadata": ["name": "m"]]
        let object: SIEPool = try document.decode()
        #expect(object.spec == .unreadable(.null, reason: "spec is missing"))
        #expect(object.poolName == nil)
    }

    @Test("a status that cannot be read is none")
    func unreadableStatus() throws {
        let document: JSONValue = [
            "metadata": ["name": "p"], "spec": ["gpus": [["machineProfile": "cpu", "count": 1]]],
            "status": ["state": "exploded"],
        ]
        let pool: SIEPool = try document.decode()
        #expect(pool.status == nil)
        #expect(pool.poolName == "p")
    }

    @Test("fields of newer versions are passed over")
    func unknownFields() throws {
        let object = try model([
            "modelID": "a/b", "profiles": [["name": "default", "adapterPath": "m:C", "novelty": 1]], "more": true,
        ])
        #expect(object.spec.value == (try model(smallest).spec.value))
    }

    @Test("spec and annotation suspend alike")
    func suspension() throws {
        #expect(!(try model(smallest).isSuspended))
        let paused: JSONValue = ["name": "m", "annotations": ["sie.dev/paused": "true"]]
        #expect(try model(smallest, paused).isSuspended)
        let unpaused: JSONValue = ["name": "m", "annotations": ["sie.dev/paused": "false"]]
        #expect(!(try model(smallest, unpaused).isSuspended))
        var object = try model(smallest)
        var spec = try #require(object.spec.value)
        spec.suspend = true
        object.spec = .value(spec)
        #expect(object.isSuspended)
    }

    @Test("a reconcile is asked for by an annotation whose value was not handled yet")
    func requests() throws {
        var object = try model(smallest, ["name": "m", "annotations": ["sie.dev/reconcile-at": "now"]])
        #expect(object.isReconcileRequested)
        var status = SIEModel.Status()
        status.lastHandledReconcileAt = "now"
        object.status = status
        #expect(!object.isReconcileRequested)
        object.metadata.annotations["sie.dev/reconcile-at"] = "again"
        #expect(object.isReconcileRequested)
    }

    @Test("a status in which nothing changed is equal to the one that was read, whatever it was written with")
    func equalStatus() throws {
        var status = SIEModel.Status()
        status.observedGeneration = 3
        status.registration = .init(payloadSHA256: "00", attempt: 0, profiles: ["default"], warnings: [])
        status.gateways = .init(total: 2, routable: 1, notReady: [.init(pod: "gateway-1", reason: "ReplicaStale")])
        status.conditions.set(
            .ready, .true, reason: ModelReason.routable, message: "2/2", generation: 3,
            now: Timestamp(secondsSince1970: 1_790_000_000))
        let read: SIEModel.Status = try JSONValue(encoding: status).decode()
        #expect(read == status)
    }
}
