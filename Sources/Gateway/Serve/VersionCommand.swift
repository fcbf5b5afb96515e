import ArgumentParser
import Wire

/// `sie-gateway version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    func run() {
        print("sie-gateway \(ProductVersion.current) (swift)")
    }
}
