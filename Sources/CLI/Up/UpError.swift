/// Why `sie up` cannot start, and what the user can do about it.
package struct UpError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, naming the port, file or program.
    package var problem: String
    /// What to do about it, as a sentence.
    package var remedy: String

    package init(_ problem: String, remedy: String) {
        self.problem = problem
        self.remedy = remedy
    }

    package var description: String { "\(problem)\n  \(remedy)" }
}
