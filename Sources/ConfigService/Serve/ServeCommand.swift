import ArgumentParser
import FoundationEssentials
import Logging
import Observability

/// `sie-config serve`: answers until it is told to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the configuration API.",
        discussion: """
            Directories, store, tokens and NATS come from the environment: SIE_BUNDLES_DIR, SIE_MODELS_DIR, \
            SIE_CONFIG_STORE_DIR, SIE_CONFIG_RESTORE, SIE_ADMIN_TOKEN, SIE_AUTH_TOKEN, SIE_NATS_URL, POD_NAME.
            """,
        // The contract gives -h to the host.
        helpNames: .long
    )

    @Option(name: .shortAndLong, help: "The port to listen on; 0 lets the system choose.")
    var port = 8080

    @Option(name: .shortAndLong, help: "The address to listen on.")
    var host = "0.0.0.0"

    @Option(name: .shortAndLong, help: "DEBUG, INFO, WARNING or ERROR, in any case. (env SIE_LOG_LEVEL, default info)")
    var logLevel: String?

    @Flag(name: .long, help: "Log one JSON object per line. (env SIE_LOG_JSON)")
    var jsonLogs = false

    @Flag(name: .shortAndLong, help: "Accepted for old command lines; a compiled program has nothing to reload.")
    var reload = false

    func run() async throws {
        var configuration = try ConfigServiceConfiguration(environment: ProcessInfo.processInfo.environment)
        configuration.host = host
        configuration.port = port
        if let logLevel { configuration.logLevel = logLevel }
        if jsonLogs { configuration.logsJSON = true }
        LogConfiguration(
            level: LogConfiguration.level(named: configuration.logLevel),
            format: configuration.logsJSON ? .json : .text
        ).bootstrap()

        let logger = Logger(label: "sie.config")
        logger.debug("configuration", metadata: ["values": "\(configuration)"])
        do {
            try await ConfigServiceApplication(configuration, logger: logger).run()
        } catch {
            logger.error("sie-config stops", metadata: ["error": "\(error)"])
            LogOutput.standardOutput.flush()
            throw ExitCode.failure
        }
    }
}
