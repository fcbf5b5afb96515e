import ArgumentParser
import CProcess
import FoundationEssentials
import Settings

/// `sie-gateway serve`. Flags override the environment.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Serves the gateway.")

    @Option(name: [.short, .long], help: "Port to listen on (SIE_GATEWAY_PORT, default 8080).")
    var port: UInt16?

    @Option(help: "Address to listen on (SIE_GATEWAY_HOST, default 0.0.0.0).")
    var host: String?

    @Option(
        name: [.short, .customLong("worker")],
        help: "Base URL of a worker; repeatable, or separated by commas (SIE_GATEWAY_WORKERS).")
    var worker: [String] = []

    @Option(
        name: [.short, .long], help: "debug, info, warn or error (SIE_LOG_LEVEL, default info).")
    var logLevel: String?

    @Flag(help: "Log one JSON object a line (SIE_LOG_JSON).")
    var jsonLogs = false

    @Option(help: "How worker health arrives: ws or nats (SIE_GATEWAY_HEALTH_MODE, default ws).")
    var healthMode: String?

    @Option(help: "Directory of seed bundles (SIE_BUNDLES_DIR, default bundles).")
    var bundlesDir: String?

    @Option(help: "Directory of seed models (SIE_MODELS_DIR, default models).")
    var modelsDir: String?

    @Flag(help: "Find workers and keep pools in Kubernetes (SIE_GATEWAY_KUBERNETES).")
    var kubernetes = false

    @Option(name: .customLong("k8s-namespace"), help: "Namespace (SIE_GATEWAY_K8S_NAMESPACE, default default).")
    var kubernetesNamespace: String?

    @Option(
        name: .customLong("k8s-service"),
        help: "Service whose endpoints are the workers (SIE_GATEWAY_K8S_SERVICE, default sie-worker).")
    var kubernetesService: String?

    @Option(
        name: .customLong("k8s-port"), help: "HTTP port of discovered workers (SIE_GATEWAY_K8S_PORT, default 8080).")
    var kubernetesPort: UInt16?

    func run() async throws {
        let environment = Environment(ProcessInfo.processInfo.environment)
        var configuration = GatewayConfiguration(environment: environment)
        if let port { configuration.port = Int(port) }
        if let host { configuration.host = host }
        let workers = worker.flatMap(Environment.list)
        if !workers.isEmpty { configuration.workerURLs = workers }
        if let logLevel { configuration.logLevel = logLevel }
        if jsonLogs { configuration.logsJSON = true }
        if let healthMode { configuration.healthMode = .init(rawValue: healthMode) ?? .webSocket }
        if let bundlesDir { configuration.bundlesDirectory = bundlesDir }
        if let modelsDir { configuration.modelsDirectory = modelsDir }
        if kubernetes { configuration.kubernetes.isEnabled = true }
        if let kubernetesNamespace { configuration.kubernetes.namespace = kubernetesNamespace }
        if let kubernetesService { configuration.kubernetes.service = kubernetesService }
        if let kubernetesPort { configuration.kubernetes.workerPort = Int(kubernetesPort) }
        cprocess_keep_long_buffers()
        do {
            try await GatewayServer(configuration, environment: environment).run()
        } catch {
            StandardError.write("sie-gateway: \(error)\n")
            throw ExitCode(1)
        }
    }
}
