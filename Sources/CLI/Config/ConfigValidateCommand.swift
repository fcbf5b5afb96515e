import ArgumentParser
import Catalog
import FoundationEssentials
import Settings

/// `sie config validate`: the config service's rules, without a service.
struct ConfigValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Check model files by the config service's rules, without a service.",
        discussion: """
            Says what is wrong as file:line:column, or as annotations in a GitHub job. The files are checked as one \
            catalogue: two that contradict each other are an error. Warnings are what workers are stricter about.

            Exit codes: 0 when the service would take all files, 1 when it would refuse one (with --strict: or there \
            was a warning), 2 when something could not be read.
            """)

    @Argument(help: "Files, or folders of .yaml files.")
    var files: [String]

    @Option(help: ArgumentHelp("Check that a bundle of this folder can serve each model.", valueName: "folder"))
    var bundles: String?

    @Flag(help: "Take warnings for errors.")
    var strict = false

    func run() throws {
        let environment = Environment(ProcessInfo.processInfo.environment)
        let reporter = PushReporter(style: environment.bool("GITHUB_ACTIONS") ? .github : .plain, secrets: [])
        do {
            var check = ModelFileCheck(bundles: try loadBundles())
            var worst = 0
            let paths = try ModelFiles.paths(files)
            for path in paths {
                let findings = check.findings(path: path, bytes: try ModelFiles.bytes(path))
                reporter.say(findings)
                if findings.contains(where: { $0.level == .error || strict }) { worst = 1 }
            }
            guard worst == 0 else { throw ExitCode(1) }
            reporter.log("\(paths.count) file\(paths.count == 1 ? "" : "s") valid")
        } catch let error as ModelFiles.Unreadable {
            reporter.say([Annotation(.error, error.description)])
            throw ExitCode(2)
        }
    }

    private func loadBundles() throws(ModelFiles.Unreadable) -> [Bundle]? {
        guard let bundles else { return nil }
        do {
            return try CatalogDirectory(bundles).bundles().complete().map(\.content)
        } catch {
            throw ModelFiles.Unreadable(description: "\(error)")
        }
    }
}
