import ArgumentParser
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

    func run() async throws {
        var configuration = GatewayConfiguration(environment: Environment(ProcessInfo.processInfo.environment))
        if let port { configuration.port = Int(port) }
        if let host { configuration.host = host }
        let workers = worker.flatMap(Environment.list)
        if !workers.isEmpty { configuration.workerURLs = workers }
        if let logLevel { configuration.logLevel = logLevel }
        if jsonLogs { configuration.logsJSON = true }
        if let healthMode { configuration.healthMode = .init(rawValue: healthMode) ?? .webSocket }
        if let bundlesDir { configuration.bundlesDirectory = bundlesDir }
        if let modelsDir { configuration.modelsDirectory = modelsDir }
        do {
            try await GatewayServer(configuration).run()
        } catch {
            StandardError.write("sie-gateway: \(error)\n")
            throw ExitCode(1)
        }
    }
}
