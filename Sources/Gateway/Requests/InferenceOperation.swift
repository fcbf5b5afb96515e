/// What a request asks for: the first segment of its path, and the `operation` of its work items.
package enum InferenceOperation: String, CaseIterable, Sendable {
    case encode
    case score
    case extract
}
