import FoundationEssentials

/// The cache that the Hugging Face tools keep: `models--org--name/snapshots/<revision>/`.
package struct HubCache: Sendable, Equatable {
    package var root: String

    /// Where the tools look: `SIE_LOCAL_CACHE`, `HF_HOME/hub`, `~/.cache/huggingface/hub`.
    package init(environment: [String: String]) {
        if let cache = environment["SIE_LOCAL_CACHE"], !cache.isEmpty {
            root = cache
        } else if let home = environment["HF_HOME"], !home.isEmpty {
            root = "\(home)/hub"
        } else {
            root = "\(environment["HOME"] ?? "")/.cache/huggingface/hub"
        }
    }

    /// The directory of a repository's cached revision: the one that `main` names, else any.
    package func snapshot(of repository: String) -> String? {
        let directory = "\(root)/models--\(repository.replacing("/", with: "--"))"
        let snapshots = "\(directory)/snapshots"
        let revisions = ((try? FileManager.default.contentsOfDirectory(atPath: snapshots)) ?? []).sorted()
        let main = (try? String(contentsOfFile: "\(directory)/refs/main", encoding: .utf8))
            .map { $0.filter { !$0.isWhitespace } }
        return revisions.first(where: { $0 == main }).map { "\(snapshots)/\($0)" }
            ?? revisions.last.map { "\(snapshots)/\($0)" }
    }
}
