import Catalog
import FoundationEssentials

/// Finds the directory that holds a model's weights on this machine (worker contract 1.4): the model's `weights_path`,
/// else its snapshot in a cache of the hub's layout, `models--{org}--{name}/snapshots/{revision}`.
package struct CheckpointLocator: Sendable {
    /// Why there is no checkpoint; the text names what was looked for.
    package struct Missing: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    private let weightCache: String?

    package init(weightCache: String?) {
        self.weightCache = weightCache
    }

    package func directory(for model: ModelConfig) throws(Missing) -> String {
        if let path = model.weightsPath {
            guard Self.isDirectory(path) else {
                throw Missing(description: "weights_path '\(path)' is not a directory")
            }
            return path
        }
        guard let hubID = model.hubID else {
            throw Missing(description: "model '\(model.id)' names neither weights_path nor hf_id")
        }
        // A hub id becomes part of a path: nothing in it may lead elsewhere.
        let parts = hubID.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty && !$0.hasPrefix(".") }) else {
            throw Missing(description: "hf_id '\(hubID)' is not of the form organisation/name")
        }
        guard let weightCache else {
            throw Missing(description: "no weight cache is configured to look for '\(hubID)' in [SIE_LOCAL_CACHE]")
        }
        let repository = "\(weightCache)/models--\(parts.joined(separator: "--"))"
        for snapshot in snapshots(in: repository, revision: model.hubRevision) where Self.isDirectory(snapshot) {
            return snapshot
        }
        let revision = model.hubRevision.map { " at revision '\($0)'" } ?? ""
        throw Missing(description: "no snapshot of '\(hubID)'\(revision) in \(repository)/snapshots")
    }

    /// Where a revision may lie, likeliest first.
    private func snapshots(in repository: String, revision: String?) -> [String] {
        let name = revision ?? "main"
        guard !name.split(separator: "/").contains("..") else { return [] }
        var found: [String] = []
        if let reference = try? String(contentsOfFile: "\(repository)/refs/\(name)", encoding: .utf8) {
            let commit = reference.filter { $0.isHexDigit }
            if !commit.isEmpty { found.append("\(repository)/snapshots/\(commit)") }
        }
        found.append("\(repository)/snapshots/\(name)")
        if revision == nil {
            let all = (try? FileManager.default.contentsOfDirectory(atPath: "\(repository)/snapshots")) ?? []
            found += all.sorted().map { "\(repository)/snapshots/\($0)" }
        }
        return found
    }

    private static func isDirectory(_ path: String) -> Bool {
        var isDirectory = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
    }
}
