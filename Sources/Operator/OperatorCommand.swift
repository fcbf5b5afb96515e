import ArgumentParser

/// `sie-operator`: keeps models, pools and bundles of a cluster as its custom resources say.
@main
struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sie-operator",
        abstract: "Reconciles SIEModel, SIEPool and SIEBundle, and tells KEDA when to scale.",
        subcommands: [RunCommand.self, VersionCommand.self])
}
