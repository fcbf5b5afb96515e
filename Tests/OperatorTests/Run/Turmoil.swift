import Foundation
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport

/// An installation to which things happen as chance has it: people change objects, programs die and come back, connections
/// break. What chance has is told by a seed.
struct Turmoil {
    /// Several objects are about one model, of which only the oldest counts.
    private static let models = (0..<6).map { ("m\($0)", "acme/model-\($0 % 4)") }
    private static let pools = ["tenant-a", "tenant-b", "tenant-c"]
    private static let bundles = ["extra", "more"]

    let stack: OperatorStack
    /// What has happened, for whoever looks for the reason of a failure.
    private(set) var story: [String] = []
    private var generator: SeededGenerator
    private var config: ProductProcess?
    private var operators: [ProductProcess?] = [nil, nil]
    private var stopped: Set<Int> = []
    private let relay: LoopbackRelay
    private let relayed: String

    init(seed: UInt64, host: String) async throws {
        generator = SeededGenerator(seed: seed)
        stack = try await OperatorStack(host: host, gateways: 2, profiles: "l4,t4")
        relay = try await LoopbackRelay(to: stack.server.port)
        // The operator's own kubeconfig, through the relay.
        let text = try String(contentsOf: URL(filePath: stack.kubeconfig), encoding: .utf8)
        relayed = stack.kubeconfig + ".relayed"
        try text.replacing(":\(stack.server.port)\"", with: ":\(relay.port)\"").write(
            toFile: relayed, atomically: true, encoding: .utf8)
        // What machines there are is known before the first pool.
        let stack = stack
        try await eventually("the gateways' own pool") { try await stack.poolConfigMap("default") != nil }
        config = try await stack.startConfigService()
        for index in operators.indices { try await startOperator(index) }
    }

    private mutating func startOperator(_ index: Int) async throws {
        operators[index] = try await stack.startOperator(kubeconfig: relayed)
    }

    private mutating func chance(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

    private mutating func any<Value>(_ values: [Value]) -> Value { values[chance(values.count)] }

    // MARK: What happens

    /// One thing, and a moment of chance for what it sets off.
    mutating func step() async throws {
        switch chance(20) {
        case 0...5: try await changeModel()
        case 6...10: try await changePool()
        case 11, 12: try await changeBundle()
        case 13: try await deliver()
        case 14, 15: try await changeConfigService()
        case 16, 17: try await changeGateway()
        case 18: try await changeOperator()
        default:
            note("the connections to the API server break")
            relay.cut()
        }
        try await Task.sleep(for: .milliseconds(chance(400)))
    }

    private mutating func note(_ what: String) { story.append(what) }

    private mutating func changeModel() async throws {
        let (name, id) = any(Self.models)
        guard try await stack.isThere(name) else {
            note("create \(name) of \(id)")
            let policy: JSONValue = chance(2) == 0 ? "Delete" : "Retain"
            try await stack.apply(name, modelID: id, spec: [JSONMember("deletionPolicy", policy)])
            return
        }
        switch chance(4) {
        case 0:
            note("delete \(name)")
            try await remove("siemodels/\(name)")
        case 1:
            let number = chance(3)
            note("add a profile to \(name)")
            let profile: JSONValue = ["name": .string("p\(number)"), "extends": "default"]
            try await change(
                "siemodels/\(name)", ["spec": ["profiles": .array(Self.defaultProfile + [profile])]])
        case 2:
            note("suspend or resume \(name)")
            try await change("siemodels/\(name)", ["spec": ["suspend": .bool(chance(3) == 0)]])
        default:
            note("touch \(name)")
            try await change(
                "siemodels/\(name)",
                ["metadata": ["annotations": ["sie.dev/reconcile-at": .string(UUID().uuidString)]]])
        }
    }

    private static let defaultProfile: [JSONValue] = [
        ["name": "default", "adapterPath": "acme.enc:A", "maxBatchTokens": 64]
    ]

    private mutating func changePool() async throws {
        let name = any(Self.pools)
        guard try await stack.pool(name) != nil else {
            note("create the pool \(name)")
            try await stack.applyPool(name)
            return
        }
        switch chance(6) {
        case 0:
            note("delete the pool \(name)")
            try await remove("siepools/\(name)")
        case 1, 2:
            note("change the pool \(name)")
            let ttl = 60 + 60 * chance(3)
            try await change("siepools/\(name)", ["spec": ["ttlSeconds": .int(Int64(ttl))]])
        case 3:
            note("change the machines of \(name)")
            let count = 1 + chance(3)
            let machines: JSONValue = [["machineProfile": .string(any(["l4", "t4"])), "count": .int(Int64(count))]]
            try await change("siepools/\(name)", ["spec": ["gpus": machines]])
        case 4:
            note("delete the ConfigMap of \(name)")
            _ = try await stack.server.request("DELETE", place("/api/v1", "configmaps/sie-pool-\(name)"))
        default:
            note("delete the Lease of \(name)")
            _ = try await stack.server.request(
                "DELETE", place("/apis/coordination.k8s.io/v1", "leases/sie-pool-lease-\(name)"))
        }
    }

    private mutating func changeBundle() async throws {
        let name = any(Self.bundles)
        guard try await stack.bundle(name) != nil else {
            note("create the bundle \(name)")
            try await stack.applyBundle(
                name,
                [
                    "adapters": [.string("acme.\(name)")], "image": ["repository": "r.example/sie", "tag": "1"],
                    "workerGroups": [["machineProfile": "l4", "minReplicas": 0, "maxReplicas": 3]],
                ])
            return
        }
        switch chance(3) {
        case 0:
            note("delete the bundle \(name)")
            try await remove("siebundles/\(name)")
        case 1:
            note("change the image of \(name)")
            let tag = 1 + chance(4)
            try await change("siebundles/\(name)", ["spec": ["image": ["tag": .string("\(tag)")]]])
        default:
            note("change the priority of \(name)")
            let priority = 20 + chance(5)
            try await change("siebundles/\(name)", ["spec": ["priority": .int(Int64(priority))]])
        }
    }

    private mutating func deliver() async throws {
        note("the kubelet delivers the bundles")
        try await stack.deliverBundles()
    }

    private mutating func changeConfigService() async throws {
        if let running = config {
            note("the config service dies")
            try await running.kill()
            config = nil
            if chance(2) == 0 { return }
        }
        if chance(3) == 0 {
            note("its store is lost")
            try stack.wipeConfigStore()
        }
        note("the config service comes back")
        config = try await stack.startConfigService()
    }

    private mutating func changeGateway() async throws {
        let index = chance(stack.gateways.count)
        if stopped.remove(index) != nil {
            note("gateway \(index) goes on")
            stack.gateways[index].signal(SIGCONT)
        } else {
            note("gateway \(index) stands still")
            stopped.insert(index)
            stack.gateways[index].signal(SIGSTOP)
        }
    }

    private mutating func changeOperator() async throws {
        let index = chance(operators.count)
        if let running = operators[index] {
            let isKilled = chance(2) == 0
            note(isKilled ? "operator \(index) is killed" : "operator \(index) is stopped")
            try await end(running, isKilled: isKilled)
        }
        try await startOperator(index)
    }

    private func end(_ program: ProductProcess, isKilled: Bool = false) async throws {
        if isKilled {
            try await program.kill()
        } else {
            program.signal(SIGTERM)
            _ = try await program.exitStatus(within: .seconds(35))
        }
    }

    // MARK: What there is in the end

    /// Mends everything but the objects: all programs work.
    mutating func calm() async throws {
        note("all is mended")
        for index in stopped { stack.gateways[index].signal(SIGCONT) }
        stopped = []
        if config == nil { config = try await stack.startConfigService() }
        try await stack.deliverBundles()
    }

    /// Ends the operators, forgets all that they have ever said of the objects, and starts another one.
    mutating func beginAnew() async throws {
        for index in operators.indices {
            if let running = operators[index] { try await end(running) }
            operators[index] = nil
        }
        for plural in ["siemodels", "siepools", "siebundles"] {
            for object in try await list(plural) {
                let name = object["metadata"]?["name"]?.stringValue ?? ""
                try await stack.server.send(
                    "PATCH", place(Self.group, "\(plural)/\(name)/status"), ["status": .null],
                    type: "application/merge-patch+json")
            }
        }
        try await startOperator(0)
    }

    mutating func end() async throws {
        for running in operators.compactMap({ $0 }) { try await end(running) }
        operators = [nil, nil]
    }

    /// The world as it is when nothing is on its way any more, line by line.
    func settled(within limit: Duration) async throws -> [String] {
        var missing: [String] = []
        do {
            return try await eventually("everything settles", within: limit) { () -> [String]? in
                missing = []
                var lines: [String] = []
                for plural in ["siemodels", "siepools", "siebundles"] {
                    for object in try await list(plural) {
                        let name = "\(plural)/\(object["metadata"]?["name"]?.stringValue ?? "")"
                        if !Self.isSettled(object) { missing.append(name) }
                        lines += Self.lines(name, object)
                        if plural == "siemodels" { lines += try await registration(object, name, &missing) }
                        if plural == "siepools" { lines += try await publication(object, name, &missing) }
                    }
                }
                lines += try await rest()
                if missing.isEmpty { return lines.sorted() }
                try await stack.deliverBundles()
                try await Task.sleep(for: .milliseconds(100))
                return nil
            }
        } catch {
            print("NOT SETTLED: \(missing)\n" + story.joined(separator: "\n"))
            for plural in ["siemodels", "siepools", "siebundles"] {
                for object in try await list(plural) where !Self.isSettled(object) {
                    print(String(decoding: JSONWriter.encode(object), as: UTF8.self))
                }
            }
            throw error
        }
    }

    private static let group = "/apis/sie.dev/v1alpha1"

    private func place(_ group: String, _ rest: String) -> String { "\(group)/namespaces/\(stack.namespace)/\(rest)" }

    /// Changes an object that may have gone meanwhile.
    private func change(_ path: String, _ change: JSONValue) async throws {
        let reply = try await stack.server.request(
            "PATCH", place(Self.group, path), change, type: "application/merge-patch+json")
        guard reply.status == 200 || reply.status == 404 else {
            throw KubernetesAPIServer.Failure.refused("a change of \(path): \(reply.status)")
        }
    }

    private func remove(_ path: String) async throws {
        let reply = try await stack.server.request("DELETE", place(Self.group, path))
        guard [200, 202, 404].contains(reply.status) else {
            throw KubernetesAPIServer.Failure.refused("the deletion of \(path): \(reply.status)")
        }
    }

    private func list(_ plural: String) async throws -> [JSONValue] {
        try await stack.server.send("GET", place(Self.group, plural))["items"]?.arrayValue ?? []
    }

    private static func conditions(_ object: JSONValue) -> [JSONValue] {
        object["status"]?["conditions"]?.arrayValue ?? []
    }

    /// Whether nothing is to be expected any more: Ready, suspended, or a duplicate for good.
    private static func isSettled(_ object: JSONValue) -> Bool {
        guard object["metadata"]?["deletionTimestamp"] == nil,
            object["status"]?["observedGeneration"] == object["metadata"]?["generation"]
        else { return false }
        let asked = object["metadata"]?["annotations"]?["sie.dev/reconcile-at"]
        guard asked == nil || object["status"]?["lastHandledReconcileAt"] == asked else { return false }
        return conditions(object).contains { condition in
            switch (condition["type"]?.stringValue, condition["status"]?.stringValue, condition["reason"]?.stringValue)
            {
            case ("Ready", "True", _), ("Ready", "Unknown", "Suspended"), ("Stalled", "True", "DuplicateModelID"): true
            default: false
            }
        }
    }

    /// What the status says, without times, and without how it came about.
    private static func lines(_ name: String, _ object: JSONValue) -> [String] {
        let isActive = conditions(object).contains { $0["type"] == "Ready" && $0["status"] == "True" }
        return conditions(object).compactMap { condition in
            let type = condition["type"]?.stringValue ?? ""
            let status = condition["status"]?.stringValue ?? ""
            // What was so before somebody suspended an object is of another day.
            guard isActive || ["Ready", "Stalled", "Reconciling"].contains(type) else { return nil }
            let reason = type == "Registered" ? "" : condition["reason"]?.stringValue ?? ""
            return "\(name): \(type) \(status) \(reason)"
        }
    }

    /// What the config service and the gateways have of a model that is to be there.
    private func registration(
        _ object: JSONValue, _ name: String, _ missing: inout [String]
    ) async throws -> [String] {
        guard Self.conditions(object).contains(where: { $0["type"] == "Ready" && $0["status"] == "True" }),
            let id = object["spec"]?["modelID"]?.stringValue
        else { return [] }
        let path = "/v1/configs/models/\(id)"
        let ports = [config?.port].compactMap { $0 } + stack.gateways.map(\.port)
        for port in ports {
            let status = try? await HTTPTestClient(port: port).send(.GET, path).status
            if status != 200 { missing.append("\(name) on port \(port)") }
        }
        return ["\(name): \(id) is registered"]
    }

    /// What a pool's objects say, and the gateways.
    private func publication(_ object: JSONValue, _ name: String, _ missing: inout [String]) async throws -> [String] {
        let pool = object["metadata"]?["name"]?.stringValue ?? ""
        let text = try await stack.poolConfigMap(pool)?["data"]?["pool.json"]?.stringValue ?? "{}"
        let spec = try JSONReader.decode(text.utf8)["spec"] ?? .null
        let lease = try await stack.poolLease(pool)?["spec"]
        for view in try await stack.gatewayViews(of: pool) where view.body["spec"]?["gpus"] != spec["gpus"] {
            missing.append("\(name) at a gateway")
        }
        return [
            "\(name): \(String(decoding: JSONWriter.encode(spec), as: UTF8.self))",
            "\(name): lease of \(lease?["leaseDurationSeconds"]?.intValue ?? 0) s",
            "\(name): ours \(lease?["holderIdentity"]?.stringValue?.hasPrefix("sie-operator/") == true)",
        ]
    }

    /// Everything that bundles and pools own: nothing is left of what is gone.
    private func rest() async throws -> [String] {
        var lines: [String] = []
        for (group, plural) in [
            ("/api/v1", "configmaps"), ("/api/v1", "services"), ("/apis/apps/v1", "statefulsets"),
            ("/apis/coordination.k8s.io/v1", "leases"),
        ] {
            let items = try await stack.server.send("GET", place(group, plural))["items"]?.arrayValue ?? []
            for item in items {
                let image = item["spec"]?["template"]?["spec"]?["containers"]?.arrayValue?.first?["image"]
                let files = plural == "configmaps" ? (item["data"]?.objectValue ?? []).map(\.key).sorted() : []
                lines.append(
                    "\(plural)/\(item["metadata"]?["name"]?.stringValue ?? "") \(image?.stringValue ?? "") \(files)")
            }
        }
        return lines
    }
}
