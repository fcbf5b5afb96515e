import Foundation

/// The programs that tests use beside those of the product. `scripts/test` makes them.
package enum Tools {
    /// Where the product's programs were built: the folder that the test executable runs from.
    package static let products: URL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    /// A program of the product, such as `sie-gateway`.
    package static func product(_ name: String) throws -> String {
        try existing(products.appending(path: name), makeWith: "swift build -c release")
    }

    /// The checkpoint of all-MiniLM-L6-v2.
    package static func miniLM() throws -> String {
        try existing(
            Fixtures.repository.appending(path: ".tools/models/all-MiniLM-L6-v2"), makeWith: "scripts/model")
    }

    /// The Kubernetes command line.
    package static func kubectl() throws -> String {
        try existing(Fixtures.repository.appending(path: ".tools/python/bin/kubectl"), makeWith: "scripts/test-tools")
    }

    /// The releases of sie-sdk that the product serves.
    package enum SDK: String, CaseIterable, Sendable {
        case current = "0.10.1"
        case contemporary = "0.3.1"

        /// A Python interpreter with this release.
        package func python() throws -> String {
            let folder = self == .current ? ".tools/python" : ".tools/python-0.3.1"
            return try existing(
                Fixtures.repository.appending(path: "\(folder)/bin/python"), makeWith: "scripts/test-tools")
        }
    }

    /// The original control plane, sie-config 0.10.1.
    package static func originalConfig() throws -> String {
        try existing(
            Fixtures.repository.appending(path: ".tools/python-config/bin/sie-config"), makeWith: "scripts/test-tools")
    }

    /// A Python interpreter with the original worker, sie-server 0.3.1, and without PyTorch.
    package static func originalWorker() throws -> String {
        try existing(
            Fixtures.repository.appending(path: ".tools/python-worker/bin/python"), makeWith: "scripts/test-tools")
    }

    package struct Missing: Error, CustomStringConvertible {
        package var path: String
        package var remedy: String
        package var description: String { "\(path) is missing; make it with \(remedy)" }
    }

    private static func existing(_ url: URL, makeWith remedy: String) throws -> String {
        guard FileManager.default.fileExists(atPath: url.path) else { throw Missing(path: url.path, remedy: remedy) }
        return url.path
    }
}
