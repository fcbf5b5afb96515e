import ArgumentParser

/// The root of the `sie` command line.
@main struct SIECommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie",
        abstract: "Run and use the inference platform.",
        subcommands: [UpCommand.self, PushCommand.self, ConfigCommand.self, VersionCommand.self, RunChildCommand.self]
    )
}
