import ArgumentParser
import FoundationEssentials
import Settings

extension WorkerCommand {
    /// The flags of `sie-worker serve`; each overrides the environment variable named in its help.
    struct Serve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Serve models from the work queue.",
            discussion: """
                The worker answers /healthz, /readyz, /metrics and the status stream /ws/status on its HTTP port and \
                takes its work from NATS JetStream (SIE_NATS_URL). One worker serves one bundle in one pool.
                """)

        @Option(name: .shortAndLong, help: "HTTP port. [SIE_WORKER_PORT]")
        var port: Int?

        @Option(help: "HTTP listen address. [SIE_WORKER_HOST] (default: 0.0.0.0)")
        var host: String?

        @Option(name: .shortAndLong, help: "Inference device: auto or cpu. [SIE_DEVICE]")
        var device: String?

        @Option(help: "Directory of model YAML files. [SIE_MODELS_DIR] (default: ./models)")
        var modelsDir: String?

        @Option(help: "Directory of bundle YAML files. [SIE_BUNDLES_DIR] (default: ./bundles)")
        var bundlesDir: String?

        @Option(name: .shortAndLong, help: "Bundle to serve. [SIE_BUNDLE] (default: default)")
        var bundle: String?

        @Option(
            name: .shortAndLong,
            help: "Comma-separated model ids to serve, instead of a whole bundle. [SIE_MODEL_FILTER]")
        var models: String?

        @Option(help: "Comma-separated model ids to load before the worker is ready. [SIE_PRELOAD_MODELS]")
        var preload: String?

        @Option(help: "Directory of downloaded weights in the hub's cache layout. [SIE_LOCAL_CACHE]")
        var localCache: String?

        @Option(help: "Inference threads. [SIE_INFERENCE_THREADS] (default: the number of cores)")
        var threads: Int?

        @Flag(help: "Log JSON lines. [SIE_LOG_JSON]")
        var jsonLogs = false

        @Flag(name: .shortAndLong, help: "Log at debug level.")
        var verbose = false

        func run() async throws {
            let configuration: WorkerConfiguration
            do {
                configuration = try resolve(environment: Environment(ProcessInfo.processInfo.environment))
            } catch let error as SettingError {
                throw ValidationError(error.description)
            }
            try await WorkerProcess(configuration: configuration).run()
        }

        /// Flags over environment over defaults.
        func resolve(environment: Environment) throws -> WorkerConfiguration {
            if bundle != nil, models != nil {
                throw SettingError("--bundle and --models exclude each other: name a bundle or single models")
            }
            let deviceName = device ?? environment.string("SIE_DEVICE") ?? "auto"
            guard deviceName == "auto" || deviceName == "cpu" else {
                throw SettingError("device '\(deviceName)' is not available: this worker runs on auto or cpu")
            }
            let filter = models.map(Environment.list) ?? environment.string("SIE_MODEL_FILTER").map(Environment.list)
            let preloaded = preload.map(Environment.list) ?? environment.list("SIE_PRELOAD_MODELS")
            if let filter, let outside = preloaded.first(where: { !filter.contains($0) }) {
                throw SettingError("model '\(outside)' is to be preloaded but is not among the models to serve")
            }
            guard let natsURL = environment.string("SIE_NATS_URL") else {
                throw SettingError(
                    "SIE_NATS_URL is not set: the worker takes its work from NATS, for example nats://127.0.0.1:4222")
            }
            let cores = ProcessInfo.processInfo.activeProcessorCount
            let name =
                environment.string("HOSTNAME") ?? environment.string("POD_NAME") ?? ProcessInfo.processInfo.hostName
            return WorkerConfiguration(
                host: host ?? environment.string("SIE_WORKER_HOST") ?? "0.0.0.0",
                port: try port ?? environment.integer("SIE_WORKER_PORT", in: 0...65535) ?? 8080,
                workerName: environment.string("SIE_WORKER_NAME") ?? name,
                machineProfile: environment.string("SIE_MACHINE_PROFILE") ?? environment.string("SIE_GPU_TYPE")
                    ?? "cpu",
                catalog: WorkerConfiguration.Catalog(
                    modelsDirectory: modelsDir ?? environment.string("SIE_MODELS_DIR") ?? "models",
                    bundlesDirectory: bundlesDir ?? environment.string("SIE_BUNDLES_DIR") ?? "bundles",
                    bundle: bundle ?? environment.string("SIE_BUNDLE") ?? "default",
                    modelFilter: filter,
                    preload: preloaded,
                    weightCache: localCache ?? environment.string("SIE_LOCAL_CACHE")
                        ?? environment.string("HF_HOME").map { $0 + "/hub" }
                        ?? environment.string("HOME").map { $0 + "/.cache/huggingface/hub" },
                    configServiceURL: environment.string("SIE_CONFIG_SERVICE_URL"),
                    configServiceToken: environment.string("SIE_ADMIN_TOKEN")),
                queue: WorkerConfiguration.Queue(
                    natsServers: Environment.list(natsURL),
                    natsCredentialsFile: environment.string("SIE_NATS_CREDENTIALS_FILE"),
                    pool: environment.string("SIE_POOL") ?? "_default",
                    fetchBudget: try environment.integer("SIE_NATS_FETCH_BUDGET", in: 1...1000) ?? 256,
                    nakDelay: try environment.seconds("SIE_NAK_DELAY_S", in: 0...600) ?? .seconds(5),
                    outOfMemoryNakDelay: try environment.seconds("SIE_OOM_NAK_DELAY_S", in: 0...600) ?? .seconds(10),
                    maxDeliver: try environment.integer("SIE_MAX_DELIVER", in: 1...1000) ?? 20,
                    ackWait: try environment.seconds("SIE_ACK_WAIT_S", in: 1...3600) ?? .seconds(30),
                    streamMaxAge: try environment.seconds("SIE_STREAM_MAX_AGE_S", in: 1...86_400) ?? .seconds(120),
                    payloadStore: environment.string("SIE_PAYLOAD_STORE_URL"),
                    payloadStoreEnvironment: environment),
                engine: WorkerConfiguration.Engine(
                    threads: try threads ?? environment.integer("SIE_INFERENCE_THREADS", in: 1...1024) ?? cores,
                    tokenBudget: try environment.integer("SIE_TOKEN_BUDGET", in: 32...65_536) ?? 512,
                    maxWaitingItems: try environment.integer("SIE_MAX_CONCURRENT_REQUESTS", in: 1...1_000_000) ?? 512),
                logLevel: verbose ? "debug" : environment.string("SIE_LOG_LEVEL") ?? "info",
                jsonLogs: try jsonLogs || environment.flag("SIE_LOG_JSON") ?? false)
        }
    }
}
