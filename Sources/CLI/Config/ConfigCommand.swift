import ArgumentParser

/// `sie config`: looks at model files without writing anything.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Check model files, alone or against a config service.",
        subcommands: [ConfigValidateCommand.self, ConfigDiffCommand.self])
}
