import ArgumentParser
import Wire

/// `sie-worker`: pulls work items from the queue, runs inference, publishes results.
@main
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie-worker",
        abstract: "Serves models: pulls work from the queue, runs inference, publishes results.",
        subcommands: [Serve.self, Version.self])
}

extension WorkerCommand {
    struct Version: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the version and exit.")

        func run() {
            print("sie-worker \(ProductVersion.current)")
        }
    }
}
