import ArgumentParser
import AsyncHTTPClient
import FoundationEssentials
import Settings

/// `sie push`: sends model files to the config service and waits until they are served.
struct PushCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Send model files to the config service and wait until they are served.",
        discussion: """
            Sends the files named, or with --changed those that a push to a branch added or changed, one after the \
            other. A file that fails keeps no other from being sent; the exit code is 1 when any failed.

            A file is named relative to the repository's root and lies in the folder of --directory. With \
            GITHUB_REPOSITORY and GITHUB_SHA set, every file gets an idempotency key of its own, so that running \
            again for the same commit changes nothing.

            Environment: SIE_CONFIG_URL, SIE_GATEWAY_URL (without it readiness is not waited for), SIE_ADMIN_TOKEN \
            or SIE_ADMIN_TOKEN_FILE, SIE_AUTH_TOKEN or SIE_AUTH_TOKEN_FILE (for the gateway; the admin token \
            otherwise), SIE_CA_FILE, READINESS_TIMEOUT_SECONDS (180), READINESS_POLL_INTERVAL_SECONDS (5), \
            READINESS_POLICY (acked, or routable for clusters that idle at zero workers), READINESS_CONSECUTIVE (1), \
            REQUIRE_EPOCH_MATCH (false), POST_MAX_ATTEMPTS (3), POST_BACKOFF_SECONDS (2), POST_TIMEOUT_SECONDS (60), \
            POLL_TIMEOUT_SECONDS (15), PUSH_ALL_ON_MISSING_BASE (false). In a GitHub job (GITHUB_ACTIONS) the log \
            carries annotations and GITHUB_STEP_SUMMARY gets a table.
            """
    )

    @Argument(help: "Files to send.")
    var files: [String] = []

    @Flag(help: "Send what changed between two commits.")
    var changed = false

    @Option(help: ArgumentHelp("With --changed: the commit before; may be empty or zeros.", valueName: "commit"))
    var base: String?

    @Option(help: ArgumentHelp("With --changed: the commit after.", valueName: "commit"))
    var head: String = "HEAD"

    @Option(help: ArgumentHelp("The folder of the models in the repository.", valueName: "folder"))
    var directory: String = "configs/models"

    @Option(help: ArgumentHelp("The config service; otherwise SIE_CONFIG_URL.", valueName: "url"))
    var configURL: String?

    @Option(help: ArgumentHelp("The gateway; otherwise SIE_GATEWAY_URL.", valueName: "url"))
    var gatewayURL: String?

    @Flag(help: "Say what would be sent, and send nothing.")
    var dryRun = false

    func validate() throws {
        guard changed != !files.isEmpty else { throw ValidationError("Name files, or give --changed.") }
        guard !changed || base != nil else { throw ValidationError("--changed needs --base.") }
    }

    func run() async throws {
        let variables = ProcessInfo.processInfo.environment
        let environment = Environment(variables)
        let isGitHub = environment.bool("GITHUB_ACTIONS")
        let secrets = ["SIE_ADMIN_TOKEN", "SIE_AUTH_TOKEN"].compactMap { environment.string($0) }
        do {
            let succeeded = try await push(environment, style: isGitHub ? .github : .plain)
            if !succeeded { throw ExitCode.failure }
        } catch let error as PushError {
            PushReporter(style: isGitHub ? .github : .plain, secrets: secrets).say([error.annotation])
            throw ExitCode.failure
        } catch let error as SettingError {
            PushReporter(style: isGitHub ? .github : .plain, secrets: secrets)
                .say([Annotation(.error, error.description)])
            throw ExitCode.failure
        }
    }

    private func push(_ environment: Environment, style: PushReporter.Style) async throws -> Bool {
        let (models, selection) = try await select(environment)
        let silent = PushReporter(style: style, secrets: [])
        silent.say(selection.annotations)
        guard !selection.files.isEmpty else {
            silent.say([Annotation(.notice, "no model file to push")])
            return true
        }
        let options = try PushOptions(environment: environment)
        if dryRun {
            silent.table(
                selection.files.map { PushRecord(file: $0, key: options.key(path: $0), outcome: "would be sent") })
            return true
        }
        let settings = try ServiceSettings(configURL: configURL, gatewayURL: gatewayURL, environment: environment)
        // A secret that a workflow lacks is the commonest mistake of all. A stack on one machine may well have no tokens.
        guard settings.adminToken != nil || style != .github else {
            throw SettingError("SIE_ADMIN_TOKEN is not set: the config service takes writes with it alone")
        }
        let reporter = PushReporter(
            style: style, secrets: [settings.adminToken, settings.readToken].compactMap { $0 },
            summaryFile: environment.string("GITHUB_STEP_SUMMARY"))
        if settings.gatewayURL == nil {
            reporter.say([Annotation(.notice, "SIE_GATEWAY_URL is not set: readiness is not waited for")])
        }
        let http = ServiceClient.connections(certificates: settings.certificates)
        let records = await Push(
            directory: models, options: options,
            config: ServiceClient(url: settings.configURL, token: settings.adminToken, http: http),
            gateway: settings.gatewayURL.map { ServiceClient(url: $0, token: settings.readToken, http: http) },
            reporter: reporter
        ).run(selection.files)
        try? await http.shutdown()
        reporter.table(records)
        return !records.contains(where: \.isFailure)
    }

    private func select(_ environment: Environment) async throws -> (ModelDirectory, FileSelection) {
        let here = FileManager.default.currentDirectoryPath
        guard changed else {
            let models = ModelDirectory(root: here, path: directory)
            for file in files { try models.checkNamed(file) }
            return (models, FileSelection(files: files))
        }
        let repository = try await GitRepository.around(here)
        let models = ModelDirectory(root: repository.root, path: directory)
        let selection = try await FileSelection.changed(
            in: repository, directory: models, base: base ?? "", head: head,
            allOnMissingBase: try environment.flag("PUSH_ALL_ON_MISSING_BASE") ?? false)
        return (models, selection)
    }
}
