import Foundation

/// An authority, a server certificate and a client certificate, made by openssl. They go with the last reference.
package final class TestCertificates: Sendable {
    /// Holds `ca.pem` and, each with its `.pem` and `.key`, `server` and `client`.
    package let folder: URL

    /// - Parameter names: what the server's certificate is for.
    package init(names: String = "IP:127.0.0.1,DNS:nats.test") throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "certificates-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.pem"] + curve
        )
        for (name, extensions) in [
            ("server", "subjectAltName=\(names)"), ("client", "extendedKeyUsage=clientAuth"),
        ] {
            try Data(extensions.utf8).write(to: folder.appending(path: "\(name).ext"))
            try openssl(["req", "-subj", "/CN=\(name)", "-keyout", "\(name).key", "-out", "\(name).csr"] + curve)
            try openssl([
                "x509", "-req", "-days", "2", "-in", "\(name).csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "\(name).ext", "-out", "\(name).pem",
            ])
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The path of one of the files.
    package func path(_ name: String) -> String { folder.appending(path: name).path }

    /// The files a server's configuration names.
    package var serverFiles: [String: String] {
        get throws {
            try Dictionary(
                uniqueKeysWithValues: ["ca.pem", "server.pem", "server.key"].map {
                    ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
                })
        }
    }

    private func openssl(_ arguments: [String]) throws {
        let openssl = try ChildProcess("/usr/bin/openssl", arguments: arguments, directory: folder)
        guard openssl.waitUntilExit() == .exit(0) else { throw CocoaError(.executableLoad) }
    }
}
