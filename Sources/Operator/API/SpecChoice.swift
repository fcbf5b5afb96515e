/// A field of a custom resource that has one of a few words.
///
/// The words are those of the schema; a test compares them.
package protocol SpecChoice: RawRepresentable, CaseIterable, Codable, Sendable, Hashable where RawValue == String {}

extension SpecChoice {
    /// Every word, in the order of the schema.
    package static var words: [String] { allCases.map(\.rawValue) }
}
