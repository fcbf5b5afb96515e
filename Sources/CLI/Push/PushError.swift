/// Why a push cannot begin: nothing has been sent then.
package struct PushError: Error, Sendable, Equatable {
    /// What is wrong, for the run's log.
    package var annotation: Annotation

    package init(_ message: String, file: String? = nil) {
        annotation = Annotation(.error, message, file: file)
    }
}
