import NIOHTTP1

/// An inference request that has been answered, as audit logs see it.
package struct AnsweredCall: Sendable {
    /// `encode`, `score`, `extract` or `embeddings`.
    package var endpoint: String
    package var head: HTTPRequestHead
    package var status: Int
    /// `queue:{request id}`, where work was done.
    package var worker: String?
    /// The pool and machine profile the request resolved to; nil where it got no further than its head.
    package var pool: String?
    package var machineProfile: String?
    package var duration: Duration
}
