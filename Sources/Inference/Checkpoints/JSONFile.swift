import FoundationEssentials
import JSONStream

/// A JSON file of a checkpoint, its fields read with errors that name file and field.
struct JSONFile {
    let path: String
    let value: JSONValue

    /// Configurations are kilobytes, vocabularies tens of megabytes.
    static let maximumBytes = 16 << 20
    static let maximumVocabularyBytes = 128 << 20

    init(path: String, maximumBytes: Int = Self.maximumBytes) throws(CheckpointError) {
        self.path = path
        let mapping = try MappedFile(path: path)
        guard mapping.bytes.count <= maximumBytes else {
            throw CheckpointError(file: path, "has \(mapping.bytes.count) bytes, more than the \(maximumBytes) allowed")
        }
        do throws(JSONError) {
            value = try JSONReader.decode(mapping.bytes)
        } catch {
            throw CheckpointError(file: path, "is not JSON: \(error)")
        }
    }

    /// The file, nil where there is none.
    static func ifPresent(_ path: String) throws(CheckpointError) -> JSONFile? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        return try JSONFile(path: path)
    }

    func int(_ name: String) throws(CheckpointError) -> Int {
        guard let value = value[name]?.intValue else {
            throw CheckpointError(file: path, "field '\(name)' must be a whole number")
        }
        return value
    }

    func int(_ name: String, default fallback: Int) throws(CheckpointError) -> Int {
        value[name] == nil || value[name]?.isNull == true ? fallback : try int(name)
    }

    func double(_ name: String, default fallback: Double) throws(CheckpointError) -> Double {
        guard let field = value[name], !field.isNull else { return fallback }
        guard let value = field.doubleValue else {
            throw CheckpointError(file: path, "field '\(name)' must be a number")
        }
        return value
    }

    func string(_ name: String, default fallback: String) throws(CheckpointError) -> String {
        guard let field = value[name], !field.isNull else { return fallback }
        guard let value = field.stringValue else {
            throw CheckpointError(file: path, "field '\(name)' must be a string")
        }
        return value
    }
}
