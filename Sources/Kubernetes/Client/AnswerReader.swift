/// Reads an answer as it comes, in pieces of any size.
protocol AnswerReader: Sendable {
    associatedtype Answer: Sendable

    /// - Throws: where the answer is not what it should be; the reader is void then.
    mutating func add(_ piece: [UInt8]) async throws
    /// What was read, once all has come.
    mutating func finish() async throws -> Answer
}

/// Keeps an answer as it is.
struct WholeAnswer: AnswerReader {
    private var bytes: [UInt8] = []

    mutating func add(_ piece: [UInt8]) {
        if bytes.isEmpty { bytes = piece } else { bytes += piece }
    }

    func finish() -> [UInt8] { bytes }
}
