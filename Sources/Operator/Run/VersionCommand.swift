import ArgumentParser
import Wire

/// `sie-operator version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

    func run() {
        print("sie-operator \(ProductVersion.current) (swift)")
    }
}
