import FoundationEssentials

/// The configuration file of the stack's own nats-server.
struct NATSServerConfiguration: Sendable, Equatable {
    var port: Int
    var monitorPort: Int
    var storeDirectory: String

    /// The file's text, in the server's configuration language.
    var text: String {
        """
        # Written by `sie up`.
        server_name: sie-up
        listen: "127.0.0.1:\(port)"
        http: "127.0.0.1:\(monitorPort)"
        # A work item carries its text inline; the server's own default is 1 MB.
        max_payload: 8MB
        jetstream {
            store_dir: "\(storeDirectory)"
        }

        """
    }

    /// Writes the file.
    func write(to path: String) throws(UpError) {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw UpError("cannot write \(path): \(error)", remedy: "Name another directory with --data-dir.")
        }
    }
}
