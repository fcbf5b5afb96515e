/// Every process of the local stack, in the order in which they start.
///
/// A pure function of its inputs: it looks at no disk and binds no port, so a test compares the whole value.
package struct StackPlan: Sendable, Equatable {
    /// The ports that the stack listens on; all but the gateway's are internal.
    package struct Ports: Sendable, Equatable {
        package var gateway: Int
        package var nats: Int
        package var natsMonitor: Int
        package var config: Int
        /// One for each worker.
        package var workers: [Int]

        package init(gateway: Int, nats: Int, natsMonitor: Int, config: Int, workers: [Int]) {
            self.gateway = gateway
            self.nats = nats
            self.natsMonitor = natsMonitor
            self.config = config
            self.workers = workers
        }
    }

    /// A stage starts when every process of the one before it is ready; stages stop in reverse order.
    package var stages: [[ChildPlan]]
    /// The models that the workers must serve before the stack counts as up.
    package var models: [String]
    /// How many workers must acknowledge each of them.
    package var workerCount: Int
    /// Where users reach the gateway.
    package var url: String
    /// Where the Config API is reached from this machine.
    package var configURL: String
    /// The gateway's own port, for the acknowledgement probe.
    package var gatewayPort: Int
    /// Sent with the acknowledgement probe when the gateway was told to check tokens.
    package var bearerToken: String?

    /// The lane of the local stack: one pool, one bundle, one machine profile.
    package static let pool = "default"
    package static let bundle = "default"
    package static let machineProfile = "cpu"

    package init(
        host: String, ports: Ports, programs: Programs, data: DataDirectory.Layout, models: [String],
        environment: [String: String] = [:]
    ) {
        let natsURL = "nats://127.0.0.1:\(ports.nats)"
        let configURL = "http://127.0.0.1:\(ports.config)"
        let seeds = ["SIE_BUNDLES_DIR": data.bundles, "SIE_MODELS_DIR": data.models]

        let nats = ChildPlan(
            name: "nats", program: programs.natsServer, arguments: ["-c", data.natsConfiguration],
            environment: Self.brokerEnvironment(environment),
            readiness: HTTPProbe(port: ports.natsMonitor, path: "/healthz"),
            stopGrace: .seconds(5))

        let config = ChildPlan(
            name: "config", program: programs.config,
            arguments: ["serve", "--host", "127.0.0.1", "--port", "\(ports.config)"],
            environment: seeds.merging(
                [
                    "SIE_NATS_URL": natsURL, "SIE_CONFIG_STORE_DIR": data.configStore, "SIE_CONFIG_RESTORE": "true",
                    "POD_NAME": "sie-config",
                ]) { $1 },
            readiness: HTTPProbe(port: ports.config, path: "/readyz"),
            stopGrace: .seconds(10))

        let workers = ports.workers.enumerated().map { index, port in
            let name = "worker-\(index + 1)"
            return ChildPlan(
                name: name, program: programs.worker,
                arguments: [
                    "serve", "--host", "127.0.0.1", "--port", "\(port)", "--device", "cpu",
                    "--models-dir", data.models, "--bundle", Self.bundle, "--preload", models.joined(separator: ","),
                ],
                environment: seeds.merging(
                    [
                        "HOSTNAME": name, "POD_NAME": name, "SIE_POOL": Self.pool, "SIE_BUNDLE": Self.bundle,
                        "SIE_MACHINE_PROFILE": Self.machineProfile, "SIE_CLUSTER_ROUTING": "queue",
                        "SIE_NATS_URL": natsURL, "SIE_CONFIG_SERVICE_URL": configURL,
                        "SIE_PAYLOAD_STORE_URL": data.payloads,
                    ]) { $1 },
                readiness: HTTPProbe(port: port, path: "/readyz"),
                // The worker finishes running batches for up to 25 s by itself.
                stopGrace: .seconds(30))
        }

        let gateway = ChildPlan(
            name: "gateway", program: programs.gateway,
            arguments: ["serve", "--host", host, "--port", "\(ports.gateway)"],
            environment: seeds.merging(
                [
                    "SIE_NATS_URL": natsURL, "SIE_CONFIG_SERVICE_URL": configURL,
                    "SIE_GATEWAY_WORKERS": ports.workers.map { "http://127.0.0.1:\($0)" }.joined(separator: ","),
                    "SIE_GATEWAY_CONFIGURED_GPUS": Self.machineProfile,
                    "SIE_GATEWAY_KUBERNETES": "false", "SIE_GATEWAY_HEALTH_MODE": "ws",
                    "SIE_PAYLOAD_STORE_URL": data.payloads,
                ]) { $1 },
            readiness: HTTPProbe(port: ports.gateway, path: "/healthz"),
            stopGrace: .seconds(10))

        self.stages = [[nats], [config], workers, [gateway]]
        self.models = models
        self.workerCount = ports.workers.count
        self.gatewayPort = ports.gateway
        self.configURL = configURL
        self.url = "http://\(Self.address(forUsersOf: host)):\(ports.gateway)"
        self.bearerToken = Self.bearerToken(environment)
    }

    /// The address to put into examples: a wildcard address is reached through localhost.
    private static func address(forUsersOf host: String) -> String {
        switch host {
        case "0.0.0.0", "::", "127.0.0.1", "localhost": "localhost"
        default: host.contains(":") ? "[\(host)]" : host
        }
    }

    /// The broker's heap is a few megabytes and its messages come and go, so that by Go's default its memory is swept dozens
    /// of times a second. With 15 MB more it moves 1.3 times as many messages (docs/performance.md).
    private static func brokerEnvironment(_ environment: [String: String]) -> [String: String] {
        environment["GOGC"] == nil ? ["GOGC": "400"] : [:]
    }

    /// The token with which the gateway, which inherits this environment, lets the acknowledgement probe in.
    private static func bearerToken(_ environment: [String: String]) -> String? {
        guard ["token", "static"].contains(environment["SIE_AUTH_MODE"] ?? "") else { return nil }
        for name in ["SIE_AUTH_TOKENS", "SIE_AUTH_TOKEN"] {
            let tokens = (environment[name] ?? "").split(separator: ",")
            if let token = tokens.lazy.map({ $0.filter { !$0.isWhitespace } }).first(where: { !$0.isEmpty }) {
                return token
            }
        }
        return nil
    }
}
