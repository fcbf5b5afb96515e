import FoundationEssentials
import YAML

/// Reads the bundle and model files of a directory; the one part of this module that touches the disk.
public struct CatalogDirectory: Sendable {
    /// What is no part of the catalogue, and why: a file, or the directory itself.
    public struct Skipped: Sendable, Hashable, CustomStringConvertible {
        public var path: String
        public var reason: String

        public var description: String { "\(path): \(reason)" }
    }

    /// One file read.
    public struct File<Content: Sendable>: Sendable {
        /// The file's name without directory.
        public var name: String
        /// Its text, byte for byte.
        public var text: String
        /// What it says.
        public var content: Content
    }

    /// What a directory held.
    public struct Contents<Content: Sendable>: Sendable {
        /// The files by name.
        public var files: [File<Content>] = []
        /// The files that could not be used.
        public var skipped: [Skipped] = []
        /// The directory where it does not exist, which is a warning and no error to those who start with what there is.
        public var missing: Skipped?

        /// Nothing, from a directory that is there.
        public init() {}

        /// Everything that is to be told to whoever goes on with what could be used.
        public var problems: [Skipped] { [missing].compactMap(\.self) + skipped }

        /// The files, for those to whom a mistake in one of them must not look like its absence.
        ///
        /// - Throws: `CatalogError` with the first problem, if there is one.
        public func complete() throws(CatalogError) -> [File<Content>] {
            if let problem = problems.first { throw CatalogError(problem.description) }
            return files
        }
    }

    /// The directory.
    public var path: String

    /// Names a directory; nothing is read yet.
    public init(_ path: String) {
        self.path = path
    }

    /// The bundles: every `*.yaml` directly inside. A file that is no YAML is skipped.
    ///
    /// - Throws: `CatalogError` for a file that is YAML and yet no bundle (`adapters` no list, `priority` no number).
    ///   Routing by half of the bundles would send work to the wrong workers, so the set counts as a whole or not at all.
    public func bundles() throws(CatalogError) -> Contents<Bundle> {
        var contents = Contents<Bundle>()
        for (name, text, document) in documents(&contents) {
            do {
                let bundle = try Bundle(document, fallbackID: String(name.dropLast(".yaml".count)))
                contents.files.append(File(name: name, text: text, content: bundle))
            } catch {
                throw CatalogError("\(path)/\(name): \(error)")
            }
        }
        return contents
    }

    /// The models: every `*.yaml` directly inside that names an id; files without one, or that are no models, are
    /// skipped.
    public func models() -> Contents<ModelConfig> {
        var contents = Contents<ModelConfig>()
        for (name, text, document) in documents(&contents) {
            do {
                contents.files.append(File(name: name, text: text, content: try ModelConfig(document)))
            } catch {
                contents.skipped.append(Skipped(path: "\(path)/\(name)", reason: error.description))
            }
        }
        return contents
    }

    private func documents<Content>(_ contents: inout Contents<Content>) -> [(String, String, YAMLNode)] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            contents.missing = Skipped(path: path, reason: "the directory is missing")
            return []
        }
        var documents: [(String, String, YAMLNode)] = []
        for name in names.filter({ $0.hasSuffix(".yaml") }).sorted(by: { $0.codePointsPrecede($1) }) {
            let file = "\(path)/\(name)"
            do {
                let data = try Data(contentsOf: URL(filePath: file))
                guard let text = String(validating: data, as: UTF8.self) else {
                    contents.skipped.append(Skipped(path: file, reason: "the file is not UTF-8"))
                    continue
                }
                documents.append((name, text, try YAMLNode(parsing: text)))
            } catch {
                contents.skipped.append(Skipped(path: file, reason: "\(error)"))
            }
        }
        return documents
    }
}
