/// Which files a push sends.
package struct FileSelection: Sendable, Equatable {
    /// Paths relative to the repository's root, each once, in the order of their bytes.
    package var files: [String] = []
    /// What is to be said about the choice.
    package var annotations: [Annotation] = []

    package init(files: [String] = [], annotations: [Annotation] = []) {
        self.files = files
        self.annotations = annotations
    }
}

extension FileSelection {
    /// The files that a push to a branch added or changed.
    ///
    /// A base that cannot be used gives an empty list and a warning, or every file where `allOnMissingBase` says so:
    /// posting what is stored already changes nothing.
    ///
    /// - Parameters:
    ///   - base: the commit before the push; empty or zeros where there was none.
    ///   - head: the commit after it.
    static func changed(
        in repository: GitRepository, directory: ModelDirectory, base: String, head: String, allOnMissingBase: Bool
    ) async throws(PushError) -> FileSelection {
        guard let head = try await repository.commit(head) else {
            throw PushError("the commit \(head) is not in the repository")
        }
        guard let base = try await resolvedBase(base, in: repository) else {
            let reason =
                base.isEmpty || base.allSatisfy { $0 == "0" }
                ? "this is the first push of the branch: there is no commit to compare with"
                : "the commit before the push, \(base), is not in the repository (a force push, or a shallow clone)"
            guard allOnMissingBase else {
                return FileSelection(annotations: [
                    Annotation(
                        .warning,
                        "\(reason). Nothing is pushed; set PUSH_ALL_ON_MISSING_BASE=true to push every file in that case"
                    )
                ])
            }
            var selection = try directory.selection(of: await repository.allPaths(at: head))
            selection.annotations.insert(Annotation(.warning, "\(reason): every file is pushed"), at: 0)
            return selection
        }
        var selection = try directory.selection(
            of: await repository.changedPaths("AM", from: base, to: head))
        for path in try await repository.changedPaths("D", from: base, to: head) where directory.contains(path) {
            selection.annotations.append(
                Annotation(
                    .notice,
                    "\(String(decoding: path, as: UTF8.self)) was removed; the catalogue is append-only, its model stays"
                ))
        }
        return selection
    }

    private static func resolvedBase(
        _ base: String, in repository: GitRepository
    ) async throws(PushError) -> String? {
        guard !base.isEmpty, !base.allSatisfy({ $0 == "0" }) else { return nil }
        if let commit = try await repository.commit(base) { return commit }
        try await repository.fetch(base)
        return try await repository.commit(base)
    }
}
