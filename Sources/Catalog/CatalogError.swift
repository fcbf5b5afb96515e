import YAML

/// Why a bundle or model file does not become part of a catalogue.
public struct CatalogError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, with the name of the field.
    public var message: String
    /// Where in the file, if a text was read.
    public var mark: YAMLMark

    /// Creates an error.
    public init(_ message: String, at mark: YAMLMark = .none) {
        self.message = message
        self.mark = mark
    }

    public var description: String { mark == .none ? message : "\(mark): \(message)" }
}
