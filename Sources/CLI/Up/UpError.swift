/// Why `sie up` cannot start, and what the user can do about it.
struct UpError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, naming the port, file or program.
    var problem: String
    /// What to do about it, as a sentence.
    var remedy: String

    init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    var description: String { "\(problem)\n  \(remedy)" }
}
