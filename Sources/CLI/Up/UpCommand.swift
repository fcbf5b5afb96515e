import ArgumentParser
import FoundationEssentials
import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `sie up`: the whole stack on this machine.
struct UpCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "up",
        abstract: "Run the whole stack on this machine.",
        discussion: """
            Starts nats-server, sie-config, the workers and the gateway, waits until the workers serve the models, \
            and prints the address with three examples. Ctrl-C stops everything.

            A model is named by the directory of its checkpoint (config.json, tokenizer.json, model.safetensors). One \
            that the catalog knows is served under its name there, any other under the name of its directory. \
            Without --model-dir, the catalog's models are looked for in the Hugging Face cache.

            Everything the stack writes goes to a temporary directory, which is removed at the end, or to the one \
            that --data-dir names, which is kept: models added over the API are there again the next time.

            Environment: SIE_MODEL_DIR (a checkpoint directory, used without --model-dir), SIE_CATALOG_DIR (a \
            directory with bundles/ and models/), TMPDIR, NO_COLOR. The programs inherit the environment, so that \
            their own settings can be given here too.
            """
    )

    @Option(name: .shortAndLong, help: ArgumentHelp("The gateway's port; 0 picks a free one.", valueName: "port"))
    var port: Int = 8080

    @Option(help: ArgumentHelp("The port of the Config API on 127.0.0.1; 0 picks a free one.", valueName: "port"))
    var configPort: Int = 0

    @Option(help: ArgumentHelp("The gateway's address.", valueName: "address"))
    var host: String = "127.0.0.1"

    @Option(help: ArgumentHelp("Keep the stack's data in this directory.", valueName: "directory"))
    var dataDir: String?

    @Option(help: ArgumentHelp("Serve the checkpoint in this directory; may be repeated.", valueName: "directory"))
    var modelDir: [String] = []

    @Option(help: ArgumentHelp("How many workers to run.", valueName: "number"))
    var workers: Int = 1

    @Flag(name: .shortAndLong, help: "Show warnings and errors only.")
    var quiet = false

    func validate() throws {
        for (option, port) in [("--port", port), ("--config-port", configPort)] {
            guard (0...65535).contains(port) else { throw ValidationError("\(option) must be between 0 and 65535.") }
        }
        guard port == 0 || port != configPort else {
            throw ValidationError("--port and --config-port must be different ports.")
        }
        guard (1...64).contains(workers) else { throw ValidationError("--workers must be between 1 and 64.") }
    }

    func run() async throws {
        // A closed terminal or pipe must not end `sie` before it has stopped its children.
        signal(SIGPIPE, SIG_IGN)
        do {
            if try await !bringUp() { throw ExitCode.failure }
        } catch let error as UpError {
            StandardStreams.writeError("sie up: \(error)\n")
            throw ExitCode.failure
        }
    }

    private func bringUp() async throws -> Bool {
        let environment = ProcessInfo.processInfo.environment
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let succeeded: Bool
        do {
            succeeded = try await bringUp(environment: environment, group: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
        return succeeded
    }

    private func bringUp(environment: [String: String], group: MultiThreadedEventLoopGroup) async throws -> Bool {
        let programs = try Programs.locate(
            sie: Programs.ownPath(), path: environment["PATH"] ?? "",
            isExecutable: { FileManager.default.isExecutableFile(atPath: $0) })
        let catalog = try ShippedCatalog.locate(sie: programs.sie, override: environment["SIE_CATALOG_DIR"])
        let models = try ModelSelection.models(
            named: modelDir.isEmpty ? environment["SIE_MODEL_DIR"].map { [$0] } ?? [] : modelDir,
            catalog: catalog, environment: environment)

        let listening = ListeningPorts(group: group)
        let gatewayPort = try await listening.claim(host: host, port: port)
        let claimedConfigPort =
            configPort == 0
            ? nil : try await listening.claim(host: "127.0.0.1", port: configPort, option: "--config-port")
        let free = try await listening.free(count: 3 + workers)

        let data =
            try dataDir.map { path throws(UpError) in try DataDirectory.open(at: path) }
            ?? DataDirectory.temporary(in: environment["TMPDIR"] ?? "/tmp")
        defer { data.close() }
        try SeedFiles(catalog: catalog, models: models).write(to: data.layout)
        let plan = StackPlan(
            host: host,
            ports: StackPlan.Ports(
                gateway: gatewayPort, nats: free[0], natsMonitor: free[1],
                config: claimedConfigPort ?? free[2],
                workers: Array(free[3...])),
            programs: programs, data: data.layout, models: models.map(\.id), environment: environment)
        try NATSServerConfiguration(port: free[0], monitorPort: free[1], storeDirectory: data.layout.jetStream)
            .write(to: data.layout.natsConfiguration)

        let stack = Stack(
            plan: plan, programs: programs,
            printer: LogPrinter(
                names: plan.stages.joined().map(\.name), quiet: quiet,
                coloured: StandardStreams.errorShowsColours(environment: environment)),
            progress: Progress(quiet: quiet), http: LoopbackHTTP(group: group))
        return await stack.run()
    }
}
