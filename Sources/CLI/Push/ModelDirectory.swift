import FoundationEssentials

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The folder of a configuration repository that holds the models: which paths are models, and which may be read.
package struct ModelDirectory: Sendable, Equatable {
    /// The absolute path of the repository's work tree.
    package var root: String
    /// The folder relative to the root, without a slash at its end, such as `configs/models`.
    package var path: String

    package init(root: String, path: String) {
        self.root = root
        var path = path
        while path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
        self.path = path
    }

    /// Whether a path is a model's: below the folder, at any depth, ending in `.yaml`.
    package func contains(_ file: some Collection<UInt8>) -> Bool {
        let prefix = Array((path == "." ? "" : "\(path)/").utf8)
        return file.starts(with: prefix) && file.count > prefix.count + 5 && file.suffix(5).elementsEqual(".yaml".utf8)
    }

    /// The models among paths from git, sorted by their bytes.
    ///
    /// - Throws: `PushError` for a model's path that is not UTF-8: it could be sent under no name.
    func selection(of paths: [[UInt8]]) throws(PushError) -> FileSelection {
        var files: [String] = []
        for path in paths where contains(path) {
            guard let file = String(validating: path, as: UTF8.self) else {
                throw PushError("the file name '\(String(decoding: path, as: UTF8.self))' is not UTF-8: rename it")
            }
            files.append(file)
        }
        return FileSelection(files: files.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    /// Checks a path that a person named; everything that is wrong with it ends the run.
    package func checkNamed(_ file: String) throws(PushError) {
        guard contains(Array(file.utf8)) else {
            throw PushError("'\(file)' is no model: name a .yaml file in \(path)/")
        }
        let parts = file.split(separator: "/", omittingEmptySubsequences: false)
        guard !parts.contains(where: { $0 == ".." || $0 == "." || $0.isEmpty }), !file.utf8.contains(0) else {
            throw PushError("'\(file)' must be a plain path relative to the repository's root, without '..'")
        }
        switch location(of: file) {
        case .regularFile: return
        case .missing: throw PushError("'\(file)' does not exist")
        case .outside: throw PushError("'\(file)' is a link out of \(path)/")
        case .noFile: throw PushError("'\(file)' is no file")
        }
    }

    /// Where a path leads once links are followed.
    enum Location: Equatable {
        case regularFile(absolutePath: String)
        case missing
        /// It is a link to something outside of the folder.
        case outside
        case noFile
    }

    func location(of file: String) -> Location {
        guard let resolved = Self.resolved("\(root)/\(file)"), let folder = Self.resolved("\(root)/\(path)") else {
            return .missing
        }
        guard resolved.utf8.starts(with: "\(folder)/".utf8) else { return .outside }
        // Opening anything but a regular file could wait for ever.
        let attributes = try? FileManager.default.attributesOfItem(atPath: resolved)
        return attributes?[.type] as? FileAttributeType == .typeRegular
            ? .regularFile(absolutePath: resolved) : .noFile
    }

    private static func resolved(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
