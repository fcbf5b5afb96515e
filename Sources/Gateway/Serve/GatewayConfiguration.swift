import Settings

/// Everything `sie-gateway serve` can be told, decided once at start.
package struct GatewayConfiguration: Sendable {
    package struct Authentication: Sendable {
        package var mode: String
        /// Tokens of ordinary callers. Secret: never logged.
        package var tokens: [String]
        /// A file of named tokens with limits; nil for none.
        package var tokensFile: String?
        /// Token for mutating routes, and the bearer this gateway shows to `sie-config`. Secret: never logged.
        package var adminToken: String?
        package var exemptsOperationalPaths: Bool
    }

    package struct ConfigurationTrust: Sendable {
        /// Producers of config deltas that are believed: exact names, or prefixes followed by `-`.
        package var producers: [String]
        package var trustsAnyProducer: Bool
    }

    package enum HealthMode: String, Sendable {
        case webSocket = "ws"
        case nats
    }

    /// Where the workers and the pools are found in Kubernetes.
    package struct Kubernetes: Sendable, Equatable {
        package var isEnabled: Bool
        package var namespace: String
        /// The Service whose endpoints are the workers.
        package var service: String
        /// The workers' HTTP port, whatever ports the Service has.
        package var workerPort: Int
    }

    package var host: String
    package var port: Int
    package var eventLoops: Int?
    /// The processors that event loops are bound to, as ``LoopProcessors`` reads them; nil where they are free.
    package var loopProcessors: String?
    /// How long an event loop polls after each request before it sleeps; 0 lets it sleep at once.
    package var busyPollMicroseconds: Int
    package var workerURLs: [String]
    package var healthMode: HealthMode
    package var configuredMachineProfiles: [String]
    package var natsURL: String?
    package var bundlesDirectory: String
    package var modelsDirectory: String
    /// Whether seeds that change while the gateway runs are loaded again.
    package var watchesSeeds: Bool
    /// Whether their contents are compared, not only their times.
    package var watchesSeedsByContents: Bool
    package var configServiceURL: String?
    package var requestTimeoutSeconds: Double
    /// How long requests wait for capacity that do not say how long; 0 sends them away.
    package var defaultWaitSeconds: Double
    package var maximumWaitSeconds: Double
    /// Where payloads go that the broker does not take: a directory, `s3://` or `gs://`.
    package var payloadStoreURL: String
    /// The file of upstreams; nil for none.
    package var upstreamsFile: String?
    package var maximumConnections: Int
    /// Whether the configured machine profiles form the pool `default`.
    package var enablesPools: Bool
    package var kubernetes: Kubernetes
    package var maximumStreamPending: Int
    package var authentication: Authentication
    package var trust: ConfigurationTrust
    package var logLevel: String
    package var logsJSON: Bool

    package init(environment: Environment) {
        host = environment.string("SIE_GATEWAY_HOST") ?? "0.0.0.0"
        port = environment.integer("SIE_GATEWAY_PORT", default: 8080)
        eventLoops = environment.string("SIE_GATEWAY_EVENT_LOOPS").flatMap { Int($0) }
        loopProcessors = environment.string("SIE_GATEWAY_CPUS")
        busyPollMicroseconds = min(max(0, environment.integer("SIE_GATEWAY_BUSY_POLL_US", default: 0)), 100_000)
        workerURLs = environment.list("SIE_GATEWAY_WORKERS")
        healthMode = environment.string("SIE_GATEWAY_HEALTH_MODE").flatMap(HealthMode.init) ?? .webSocket
        configuredMachineProfiles = environment.list("SIE_GATEWAY_CONFIGURED_GPUS")
        natsURL = environment.string("SIE_NATS_URL")
        bundlesDirectory = environment.string("SIE_BUNDLES_DIR") ?? "bundles"
        modelsDirectory = environment.string("SIE_MODELS_DIR") ?? "models"
        watchesSeeds = environment.bool("SIE_GATEWAY_HOT_RELOAD")
        watchesSeedsByContents =
            environment.bool("SIE_GATEWAY_WATCH_POLLING") || environment.bool("SIE_GATEWAY_POLLING_WATCHER")
        configServiceURL = environment.string("SIE_CONFIG_SERVICE_URL").map { url in
            String(url.reversed().drop { $0 == "/" }.reversed())
        }
        requestTimeoutSeconds = max(0.001, environment.double("SIE_GATEWAY_REQUEST_TIMEOUT", default: 30))
        defaultWaitSeconds = min(max(0, environment.double("SIE_GATEWAY_DEFAULT_WAIT", default: 0)), 86_400)
        maximumWaitSeconds = min(max(0, environment.double("SIE_GATEWAY_MAX_WAIT", default: 600)), 86_400)
        payloadStoreURL = environment.string("SIE_PAYLOAD_STORE_URL") ?? "payload_store"
        upstreamsFile = environment.string("SIE_GATEWAY_UPSTREAMS_FILE")
        maximumConnections = max(1, environment.integer("SIE_GATEWAY_MAX_CONNECTIONS", default: 16_384))
        enablesPools = environment.bool("SIE_GATEWAY_ENABLE_POOLS")
        kubernetes = Kubernetes(
            isEnabled: environment.bool("SIE_GATEWAY_KUBERNETES"),
            namespace: environment.string("SIE_GATEWAY_K8S_NAMESPACE") ?? "default",
            service: environment.string("SIE_GATEWAY_K8S_SERVICE") ?? "sie-worker",
            workerPort: environment.integer("SIE_GATEWAY_K8S_PORT", default: 8080))
        maximumStreamPending = max(0, environment.integer("SIE_GATEWAY_MAX_STREAM_PENDING", default: 50_000))
        let tokens = environment.list("SIE_AUTH_TOKENS")
        authentication = Authentication(
            mode: environment.string("SIE_AUTH_MODE") ?? "none",
            tokens: tokens.isEmpty ? environment.list("SIE_AUTH_TOKEN") : tokens,
            tokensFile: environment.string("SIE_AUTH_TOKENS_FILE"),
            adminToken: environment.string("SIE_ADMIN_TOKEN"),
            exemptsOperationalPaths: environment.bool("SIE_AUTH_EXEMPT_OPERATIONAL"))
        let trusted = environment.list("SIE_NATS_CONFIG_TRUSTED_PRODUCERS")
        trust = ConfigurationTrust(
            producers: trusted.isEmpty ? ["sie-config"] : trusted,
            trustsAnyProducer: environment.bool("SIE_NATS_CONFIG_TRUST_ANY_PRODUCER"))
        logLevel = environment.string("SIE_LOG_LEVEL") ?? "info"
        logsJSON = environment.bool("SIE_LOG_JSON")
    }
}
