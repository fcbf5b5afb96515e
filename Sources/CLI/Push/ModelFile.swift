import Catalog
import YAML

/// A model's file as it will be sent, byte for byte.
package struct ModelFile: Sendable, Equatable {
    /// Why a file is not sent.
    package enum Refusal: Error, Sendable, Equatable {
        /// It was there when the files were listed, and is not any more.
        case missing
        case unusable(Annotation)
    }

    /// Relative to the repository's root.
    package var path: String
    package var bytes: [UInt8]
    /// The id that the file gives its model.
    package var modelID: String
    /// Warnings about the file.
    package var annotations: [Annotation]

    /// What is read at most. The service takes less and says so; this only keeps a wrong file from filling the memory.
    package static let maximumBytes = 8 << 20

    /// Reads a file of the folder.
    static func read(_ path: String, in directory: ModelDirectory) throws(Refusal) -> ModelFile {
        let absolutePath: String
        switch directory.location(of: path) {
        case .regularFile(let resolved): absolutePath = resolved
        case .missing: throw .missing
        case .outside: throw .unusable(Annotation(.error, "the file is a link out of \(directory.path)/", file: path))
        case .noFile: throw .unusable(Annotation(.error, "this is no file", file: path))
        }
        do {
            let (bytes, size) = try FileHandleReader.prefix(of: absolutePath, count: maximumBytes)
            guard size <= UInt64(maximumBytes) else {
                throw Refusal.unusable(
                    Annotation(
                        .error, "payload_too_large: the file has \(size) bytes, the limit is 1048576", file: path))
            }
            return try ModelFile(path: path, bytes: bytes)
        } catch let refusal as Refusal {
            throw refusal
        } catch {
            throw .unusable(Annotation(.error, "the file cannot be read: \(error)", file: path))
        }
    }

    /// Takes a file's content. Only what readiness needs is checked, its id: the rest is the service's to judge.
    package init(path: String, bytes: [UInt8]) throws(Refusal) {
        let node: YAMLNode
        do {
            node = try YAMLNode(parsing: bytes)
        } catch {
            throw .unusable(Annotation(.error, "sie_id cannot be read: the file is no YAML: \(error)", file: path))
        }
        guard let value = node["sie_id"], !value.isNull else {
            throw .unusable(Annotation(.error, "the file has no sie_id", file: path))
        }
        guard let id = value.string, !id.isEmpty else {
            let kind = value.string == nil ? value.kindDescription : "empty"
            throw .unusable(Annotation(.error, "sie_id must be a non-empty string, but is \(kind)", file: path))
        }
        self.path = path
        self.bytes = bytes
        modelID = id
        annotations = []
        let expected = ModelIdentifier.fileName(of: id)
        let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String($0) ?? "" } ?? ""
        if name != expected {
            annotations.append(
                Annotation(.warning, "the model '\(id)' is expected in a file '\(expected)'", file: path))
        }
    }
}
