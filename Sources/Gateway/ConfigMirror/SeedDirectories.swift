import FoundationEssentials
import Settings

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The two directories of seeds, and how one tells that something in them has changed.
package struct SeedDirectories: Sendable, Equatable {
    package var bundles: String
    package var models: String

    package init(bundles: String, models: String) {
        self.bundles = bundles
        self.models = models
    }

    /// What the directories hold, as far as telling one state from another takes.
    package struct Fingerprint: Equatable, Sendable {
        fileprivate struct File: Equatable, Sendable {
            var path: String
            var fingerprint: FileFingerprint?
            /// Read only where the rest is not to be trusted.
            var contents: Data?
        }

        fileprivate var files: [File] = []
    }

    /// Looks at the seeds. Blocks.
    ///
    /// - Parameter comparingContents: also reads the files, for file systems whose times tell nothing.
    package func fingerprint(comparingContents: Bool) -> Fingerprint {
        var fingerprint = Fingerprint()
        for directory in [bundles, models] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
            for name in names.sorted() where name.hasSuffix(".yaml") {
                let path = "\(directory)/\(name)"
                var file = Fingerprint.File(path: path, fingerprint: FileFingerprint(of: path))
                if comparingContents { file.contents = try? Data(contentsOf: URL(filePath: file.path)) }
                fingerprint.files.append(file)
            }
        }
        return fingerprint
    }

    /// Whether one of the directories is the volume of a ConfigMap: it holds a link called `..data`.
    package var areMounted: Bool {
        [bundles, models].contains { directory in
            var status = stat()
            return lstat("\(directory)/..data", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
        }
    }
}
