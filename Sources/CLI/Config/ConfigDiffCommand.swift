import ArgumentParser
import AsyncHTTPClient
import Catalog
import FoundationEssentials
import Settings
import YAML

/// `sie config diff`: what pushing files would change.
struct ConfigDiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Say what pushing model files would change in a config service.",
        discussion: """
            Asks the service for each model and for its bundles, and writes nothing. Every line begins with what \
            would happen: + is new, = is there already, ! is in the way, ~ would have no effect.

            Environment: SIE_CONFIG_URL, SIE_AUTH_TOKEN or SIE_AUTH_TOKEN_FILE (SIE_ADMIN_TOKEN otherwise), \
            SIE_CA_FILE.

            Exit codes: 0 when nothing would change, 1 when something would be added, 2 when the service would refuse \
            a file, 3 when something could not be read or asked.
            """)

    @Argument(help: "Files, or folders of .yaml files.")
    var files: [String]

    @Option(help: ArgumentHelp("The config service; otherwise SIE_CONFIG_URL.", valueName: "url"))
    var configURL: String?

    func run() async throws {
        do {
            let settings = try ServiceSettings(
                configURL: configURL, gatewayURL: nil,
                environment: Environment(ProcessInfo.processInfo.environment))
            let http = ServiceClient.connections(certificates: settings.certificates)
            let catalogue = RemoteCatalogue(
                service: ServiceClient(url: settings.configURL, token: settings.readToken, http: http))
            let worst: Int32
            do {
                worst = try await compare(with: catalogue)
            } catch {
                try? await http.shutdown()
                throw error
            }
            try? await http.shutdown()
            if worst != 0 { throw ExitCode(worst) }
        } catch let error as SettingError {
            try give(up: error.description)
        } catch let error as ModelFiles.Unreadable {
            try give(up: error.description)
        } catch let error as RemoteCatalogue.Failure {
            try give(up: error.description)
        }
    }

    private func give(up reason: String) throws {
        StandardStreams.writeError("sie config diff: \(reason)\n")
        throw ExitCode(3)
    }

    private func compare(with catalogue: RemoteCatalogue) async throws -> Int32 {
        let bundles = try await catalogue.bundles()
        var worst: Int32 = 0
        for path in try ModelFiles.paths(files) {
            let file: ModelFile
            do {
                file = try ModelFile(path: path, bytes: try ModelFiles.bytes(path))
            } catch let refusal as ModelFile.Refusal {
                guard case .unusable(let annotation) = refusal else { continue }
                StandardStreams.writeOutput("\(path)\n  ! \(annotation.message)\n")
                worst = 2
                continue
            }
            let document = (try? YAMLNode(parsing: file.bytes))?.mapping ?? YAMLMapping()
            let diff: ModelDiff
            do {
                diff = try ModelDiff(
                    document, stored: try await catalogue.model(file.modelID), bundles: bundles)
            } catch let error as CatalogError {
                throw RemoteCatalogue.Failure(description: "the stored model \(file.modelID) cannot be read: \(error)")
            }
            StandardStreams.writeOutput(
                "\(path): \(file.modelID)\n" + diff.lines.map { "  \($0)\n" }.joined())
            switch diff.verdict {
            case .unchanged: break
            case .additions: worst = max(worst, 1)
            case .refused: worst = 2
            }
        }
        return worst
    }
}
