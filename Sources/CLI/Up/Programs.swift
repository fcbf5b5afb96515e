import FoundationEssentials

/// Where the programs of the stack are.
package struct Programs: Sendable, Equatable {
    /// `sie` itself, through which the others are started.
    package var sie: String
    package var natsServer: String
    package var config: String
    package var gateway: String
    package var worker: String

    package init(sie: String, natsServer: String, config: String, gateway: String, worker: String) {
        self.sie = sie
        self.natsServer = natsServer
        self.config = config
        self.gateway = gateway
        self.worker = worker
    }

    /// Looks for each program beside `sie` (its absolute path), then in the directories of `path`.
    ///
    /// - Parameter isExecutable: Tells whether a path names a program that can be run.
    package static func locate(sie: String, path: String, isExecutable: (String) -> Bool) throws(UpError) -> Programs {
        let beside = sie[..<(sie.lastIndex(of: "/") ?? sie.startIndex)]
        let directories = [String(beside)] + path.split(separator: ":").map(String.init)

        func find(_ name: String, in directories: [String]) -> String? {
            directories.lazy.map { "\($0)/\(name)" }.first(where: isExecutable)
        }
        func own(_ name: String) throws(UpError) -> String {
            if let found = find(name, in: directories) { return found }
            throw UpError(
                "\(name) is neither beside \(sie) nor in PATH",
                remedy: "Build all programs (swift build -c release), or install them in one directory.")
        }

        // Debian installs the server where the PATH of an ordinary user does not look.
        guard let natsServer = find("nats-server", in: directories + ["/usr/sbin", "/usr/local/sbin"]) else {
            throw UpError(
                "nats-server is not installed: it is neither beside \(sie), nor in PATH, nor in /usr/sbin",
                remedy: "Install it (Debian: apt-get install nats-server), then try again.")
        }
        return Programs(
            sie: sie, natsServer: natsServer, config: try own("sie-config"), gateway: try own("sie-gateway"),
            worker: try own("sie-worker"))
    }

    /// The absolute path of the running program.
    static func ownPath() -> String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
}
