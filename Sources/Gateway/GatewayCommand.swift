import ArgumentParser

/// `sie-gateway`: the front of the platform. It resolves requests, puts them on the queue and answers with the results.
@main
struct GatewayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie-gateway",
        abstract: "Takes inference requests over HTTP, queues them for workers, and answers with their results.",
        subcommands: [ServeCommand.self, VersionCommand.self])

    /// As the default, but for the exit code of a usage error, which is 2 by contract.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch  where exitCode(for: error) == .validationFailure {
            StandardError.write(fullMessage(for: error) + "\n")
            exit(withError: ExitCode(2))
        } catch {
            exit(withError: error)
        }
    }
}
