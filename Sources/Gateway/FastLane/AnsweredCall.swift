import HTTPService

/// An inference request that has been answered, as audit logs see it.
package struct AnsweredCall: Sendable {
    /// `encode`, `score`, `extract` or `embeddings`.
    package var endpoint: String
    package var head: RequestHead
    package var status: Int
    /// The name of the caller's token, where it has one.
    package var tokenName: String?
    /// The canonical id of the model; nil where the request got no further than its head.
    package var model: String?
    /// `queue:{request id}`, where work was done.
    package var worker: String?
    /// The pool and machine profile the request resolved to; nil where it got no further than its head.
    package var pool: String?
    package var machineProfile: String?
    package var duration: Duration

    package init(
        endpoint: String, head: RequestHead, status: Int, tokenName: String? = nil, model: String? = nil,
        worker: String? = nil,
        pool: String? = nil, machineProfile: String? = nil, duration: Duration
    ) {
        self.endpoint = endpoint
        self.head = head
        self.status = status
        self.tokenName = tokenName
        self.model = model
        self.worker = worker
        self.pool = pool
        self.machineProfile = machineProfile
        self.duration = duration
    }
}
