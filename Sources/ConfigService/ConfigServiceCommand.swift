import ArgumentParser

/// The root of the `sie-config` command line.
@main struct ConfigServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie-config",
        abstract: "The control plane: models, bundles, and who is told of their changes.",
        subcommands: [ServeCommand.self, VersionCommand.self]
    )
}
