import Foundation
import TestSupport

/// Texts whose vectors of all-MiniLM-L6-v2 are known, from a float64 reference computation.
enum ReferenceTexts {
    struct Entry: Decodable, Sendable {
        var text: String
        var embedding: [Double]
    }

    static let model = "sentence-transformers/all-MiniLM-L6-v2"
    static let dimension = 384
    /// The largest difference of an element that float32 arithmetic explains.
    static let tolerance = 2e-6

    /// All texts, also the empty one.
    static func all() throws -> [Entry] {
        try JSONDecoder().decode([Entry].self, from: try Fixtures.data("minilm/vectors_256.json"))
    }

    /// What is wrong with a vector that should be the one of `entry`: nil when nothing is.
    static func problem(_ vector: [Double], for entry: Entry) -> String? {
        guard vector.count == entry.embedding.count else { return "\(vector.count) elements" }
        let difference = zip(vector, entry.embedding).reduce(0) { max($0, abs($1.0 - $1.1)) }
        // Also false for NaN.
        guard difference <= tolerance else {
            return "differs by \(difference) for \(entry.text.prefix(40).debugDescription)"
        }
        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        guard abs(norm - 1) < 1e-5 else { return "has length \(norm)" }
        return nil
    }
}
