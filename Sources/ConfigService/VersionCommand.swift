import ArgumentParser
import Wire

/// `sie-config version`: the version that the whole product carries on the wire.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        print("sie-config \(ProductVersion.current)")
    }
}
