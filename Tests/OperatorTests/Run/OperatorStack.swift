import Foundation
import JSONStream
import NIOCore
import TestSupport

/// A namespace of a real API server with a config service, gateways behind a Service, and operators that have a role of
/// their own: all but the API server and its namespace are our own programs.
final class OperatorStack: Sendable {
    /// What the operator needs.
    static let rules: [KubernetesAPIServer.Rule] = [
        .init(group: "sie.dev", ["siemodels", "siepools"], ["list", "watch", "patch"]),
        .init(group: "sie.dev", ["siepools"], ["delete"]),
        .init(group: "sie.dev", ["siebundles"], ["list", "watch", "patch"]),
        .init(group: "sie.dev", ["siemodels/status", "siepools/status", "siebundles/status"], ["patch"]),
        .init(group: "sie.dev", ["siebundles/finalizers"], ["update"]),
        .init(["configmaps"], ["get", "list", "watch", "create", "patch", "delete"]),
        .init(["services"], ["get", "list", "create", "patch", "delete"]),
        .init(group: "apps", ["statefulsets"], ["get", "list", "watch", "create", "patch", "delete"]),
        .init(group: "apps", ["statefulsets/scale"], ["patch"]),
        .init(group: "apps", ["daemonsets"], ["get", "list", "create", "patch", "delete"]),
        .init(group: "policy", ["poddisruptionbudgets"], ["get", "list", "create", "patch", "delete"]),
        .init(group: "keda.sh", ["scaledobjects"], ["get", "list", "watch", "create", "patch", "delete"]),
        .init(["pods"], ["list"]),
        .init(group: "discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
        .init(
            group: "coordination.k8s.io", ["leases"],
            ["get", "list", "watch", "create", "update", "patch", "delete"]),
        .init(group: "events.k8s.io", ["events"], ["create", "patch"]),
    ]

    /// What it needs beyond that to roll the config service.
    static let restartRule = KubernetesAPIServer.Rule(
        group: "apps", ["deployments"], ["get", "patch"], names: ["sie-config"])

    /// What gateways need that share their pools.
    private static let gatewayRules: [KubernetesAPIServer.Rule] = [
        .init(group: "discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
        .init(["configmaps"], ["get", "list", "watch", "create", "patch", "delete"]),
        .init(group: "coordination.k8s.io", ["leases"], ["get", "list", "watch", "create", "patch", "delete"]),
    ]

    let server: KubernetesAPIServer
    let namespace: String
    let gateways: [ProductProcess]
    private let nats: NATSServerProcess
    private let folder: URL
    let kubeconfig: String
    /// Where the config service is, while it runs.
    let configPort: Int
    private let host: String
    private let gatewayEnvironment: [String: String]

    /// An address of this machine that objects may name: the API takes no loopback addresses. Says loudly where there is
    /// none.
    static let hostAddress: String? = {
        let devices = (try? System.enumerateDevices()) ?? []
        let addresses = devices.compactMap(\.address).filter { $0.protocol == .inet }.compactMap(\.ipAddress)
        let address = addresses.first { !$0.hasPrefix("127.") && !$0.hasPrefix("169.254.") }
        if address == nil { print("SKIPPED: this machine has no address beside loopback ones") }
        return address
    }()

    /// - Parameters:
    ///   - gateways: how many there are; their endpoints are ready from the start.
    ///   - profiles: the machine profiles that gateways are configured with, which then share their pools through the
    ///     cluster; nil for gateways that know nothing of it.
    ///   - server: nil for the one that tests share.
    ///   - everywhere: whether the operator's role is for all namespaces.
    ///   - moreRules: what the role has beyond ``rules``.
    ///   - adapters: those of the bundle `default`.
    init(
        host: String, gateways count: Int = 2, profiles: String? = nil, server ownServer: KubernetesAPIServer? = nil,
        everywhere: Bool = false, moreRules: [KubernetesAPIServer.Rule] = [], adapters: String = "acme.enc"
    ) async throws {
        self.host = host
        if let ownServer { server = ownServer } else { server = try await KubernetesAPIServer.shared }
        try await server.installCustomResources()
        namespace = try await server.namespace()
        let token = try await server.serviceAccount(
            "sie-operator", in: namespace, rules: Self.rules + moreRules, everywhere: everywhere)
        kubeconfig = try server.kubeconfig(token: token, namespace: namespace)
        folder = FileManager.default.temporaryDirectory.appending(path: "operator-\(UUID().uuidString)")
        for name in ["bundles", "models", "store"] {
            try FileManager.default.createDirectory(
                at: folder.appending(path: name), withIntermediateDirectories: true)
        }
        try Data("name: default\npriority: 10\nadapters: [\(adapters)]\n".utf8).write(
            to: folder.appending(path: "bundles/default.yaml"))
        nats = try await NATSServerProcess()
        configPort = try NATSServerProcess.freePort()
        var environment = [
            "SIE_NATS_URL": nats.url, "SIE_CONFIG_SERVICE_URL": "http://127.0.0.1:\(configPort)",
            "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
            "SIE_MODELS_DIR": folder.appending(path: "models").path,
            "SIE_PAYLOAD_STORE_URL": folder.appending(path: "payloads").path,
        ]
        if let profiles {
            let token = try await server.serviceAccount("sie-gateway", in: namespace, rules: Self.gatewayRules)
            environment["KUBECONFIG"] = try server.kubeconfig(token: token, namespace: namespace)
            environment["SIE_GATEWAY_KUBERNETES"] = "true"
            environment["SIE_GATEWAY_K8S_NAMESPACE"] = namespace
            environment["SIE_GATEWAY_CONFIGURED_GPUS"] = profiles
        }
        gatewayEnvironment = environment
        var started: [ProductProcess] = []
        for _ in 0..<count { started.append(try await Self.startGateway(environment)) }
        gateways = started
        for (index, gateway) in started.enumerated() { try await writeSlice(index, port: gateway.port) }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private static func startGateway(_ environment: [String: String]) async throws -> ProductProcess {
        try await ProductProcess("sie-gateway", environment: environment) {
            ["serve", "--host", "0.0.0.0", "--port", "\($0)"]
        }
    }

    /// Starts one more gateway, which is ready from the start.
    func addGateway() async throws -> ProductProcess {
        let gateway = try await Self.startGateway(gatewayEnvironment)
        try await writeSlice(gateways.count, port: gateway.port)
        return gateway
    }

    /// Takes a gateway's endpoint away.
    func removeEndpoint(_ index: Int) async throws {
        let group = try await server.send("GET", "/apis/discovery.k8s.io")
        let version = group["preferredVersion"]?["version"]?.stringValue ?? "v1"
        let slices = "/apis/discovery.k8s.io/\(version)/namespaces/\(namespace)/endpointslices"
        try await server.send("DELETE", "\(slices)/sie-gateway-\(index)")
    }

    private func writeSlice(_ index: Int, port: Int) async throws {
        let group = try await server.send("GET", "/apis/discovery.k8s.io")
        let version = group["preferredVersion"]?["version"]?.stringValue ?? "v1"
        let pod: JSONValue = [
            "kind": "Pod", "namespace": .string(namespace), "name": .string("gateway-\(index)"),
            "uid": .string("uid-\(index)"),
        ]
        try await server.send(
            "POST", "/apis/discovery.k8s.io/\(version)/namespaces/\(namespace)/endpointslices",
            [
                "metadata": [
                    "name": .string("sie-gateway-\(index)"), "labels": ["kubernetes.io/service-name": "sie-gateway"],
                ],
                "addressType": "IPv4", "ports": [["name": "http", "port": .int(Int64(port))]],
                "endpoints": [
                    ["addresses": [.string(host)], "conditions": ["ready": true], "targetRef": pod]
                ],
            ])
    }

    // MARK: Programs

    /// Starts the config service, on the store that earlier ones have left.
    func startConfigService() async throws -> ProductProcess {
        try await ProductProcess(
            "sie-config", port: configPort,
            environment: [
                "SIE_NATS_URL": nats.url, "SIE_BUNDLES_DIR": folder.appending(path: "bundles").path,
                "SIE_MODELS_DIR": folder.appending(path: "models").path,
                "SIE_CONFIG_STORE_DIR": folder.appending(path: "store").path, "SIE_CONFIG_RESTORE": "true",
            ]
        ) { ["serve", "--host", "127.0.0.1", "--port", "\($0)"] }
    }

    /// Puts a bundle's file where the config service reads it, unless it is there.
    func writeBundle(_ name: String, _ text: String) throws {
        let file = folder.appending(path: "bundles/\(name).yaml")
        guard (try? Data(contentsOf: file)) != Data(text.utf8) else { return }
        try Data(text.utf8).write(to: file)
    }

    /// Loses everything that was added.
    func wipeConfigStore() throws {
        try FileManager.default.removeItem(at: folder.appending(path: "store"))
        try FileManager.default.createDirectory(
            at: folder.appending(path: "store"), withIntermediateDirectories: true)
    }

    /// Starts an operator with no more rights than its role gives.
    ///
    /// - Parameters:
    ///   - scalerPort: where KEDA is served; nil for any.
    ///   - metricsPort: where metrics are; nil for any.
    ///   - configPort: where it looks for the config service; nil for where that is.
    ///   - kubeconfig: nil for the one of the role.
    ///   - watchesAll: whether it looks after all namespaces, and not after the stack's alone.
    ///   - options: more of the command line.
    func startOperator(
        scalerPort: Int? = nil, metricsPort: Int? = nil, configPort: Int? = nil, kubeconfig: String? = nil,
        watchesAll: Bool = false, options: [String] = []
    ) async throws -> ProductProcess {
        let metrics = try metricsPort ?? NATSServerProcess.freePort()
        let scaler = try scalerPort ?? NATSServerProcess.freePort()
        let environment = ["KUBECONFIG": kubeconfig ?? self.kubeconfig]
        return try await ProductProcess("sie-operator", environment: environment) { port in
            [
                "run", "--config-url", "http://127.0.0.1:\(configPort ?? self.configPort)",
                "--health-probe-bind-address", "127.0.0.1:\(port)", "--metrics-bind-address", "127.0.0.1:\(metrics)",
                "--scaler-bind-address", "127.0.0.1:\(scaler)", "--log-level", "debug",
            ] + (watchesAll ? [] : ["--watch-namespace", self.namespace]) + options
        }
    }

    // MARK: Objects

    private var models: String { "/apis/sie.dev/v1alpha1/namespaces/\(namespace)/siemodels" }

    @discardableResult
    func apply(_ name: String, modelID: String, spec extra: [JSONMember] = []) async throws -> JSONValue {
        try await server.send(
            "POST", models,
            [
                "apiVersion": "sie.dev/v1alpha1", "kind": "SIEModel", "metadata": ["name": .string(name)],
                "spec": .object(
                    [
                        JSONMember("modelID", .string(modelID)),
                        JSONMember(
                            "profiles",
                            [["name": "default", "adapterPath": "acme.enc:A", "maxBatchTokens": 64]]),
                    ] + extra),
            ])
    }

    func model(_ name: String) async throws -> JSONValue { try await server.send("GET", "\(models)/\(name)") }

    func isThere(_ name: String) async throws -> Bool {
        try await server.request("GET", "\(models)/\(name)").status == 200
    }

    func delete(_ name: String) async throws { try await server.send("DELETE", "\(models)/\(name)") }

    /// Asks for a reconcile.
    func touch(_ name: String) async throws {
        try await server.send(
            "PATCH", "\(models)/\(name)",
            ["metadata": ["annotations": ["sie.dev/reconcile-at": .string(UUID().uuidString)]]],
            type: "application/merge-patch+json")
    }

    /// A condition of a model; nil where it is not there.
    func condition(_ name: String, _ type: String) async throws -> JSONValue? {
        let conditions = try await model(name)["status"]?["conditions"]?.arrayValue ?? []
        return conditions.first { $0["type"]?.stringValue == type }
    }

    /// Waits until a condition has a status and a reason, and gives its message.
    @discardableResult
    func wait(
        for name: String, _ type: String, _ status: String, _ reason: String, within limit: Duration = .seconds(20)
    ) async throws -> String {
        do {
            return try await eventually("\(type) \(status) \(reason)", within: limit) {
                guard let condition = try await condition(name, type), condition["status"]?.stringValue == status,
                    condition["reason"]?.stringValue == reason
                else { return String?.none }
                return condition["message"]?.stringValue ?? ""
            }
        } catch {
            print(String(decoding: JSONWriter.encode(try await model(name)["status"] ?? .null), as: UTF8.self))
            throw error
        }
    }

    /// The reasons of all events of the namespace.
    func eventReasons() async throws -> Set<String> {
        let list = try await server.send("GET", "/api/v1/namespaces/\(namespace)/events")
        return Set((list["items"]?.arrayValue ?? []).compactMap { $0["reason"]?.stringValue })
    }

    func leaseHolder() async throws -> String? {
        let path = "/apis/coordination.k8s.io/v1/namespaces/\(namespace)/leases/sie-operator.sie.dev"
        return try await server.send("GET", path)["spec"]?["holderIdentity"]?.stringValue
    }
}
