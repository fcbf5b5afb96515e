import JSONStream

/// What came back for one call to a service: an answer, or the reason why there is none.
package struct ServiceAnswer: Sendable, Equatable {
    /// The status; nil where no whole answer came (no connection, a timeout, a body that broke off).
    package var status: Int?
    /// Seconds of a `Retry-After` header, where it holds a number.
    package var retryAfterSeconds: Int?
    package var body: [UInt8]
    /// Why no answer came; empty where one did.
    package var problem: String

    package init(status: Int, retryAfterSeconds: Int? = nil, body: [UInt8] = []) {
        self.status = status
        self.retryAfterSeconds = retryAfterSeconds
        self.body = body
        problem = ""
    }

    /// No answer came.
    package init(problem: String) {
        status = nil
        body = []
        self.problem = problem
    }

    /// The body as JSON; nil where it is none.
    package var json: JSONValue? { try? JSONReader.decode(body) }

    /// The status as people look for it: `201`, or `000` where no answer came, as curl prints it.
    package var statusText: String { status.map { String($0) } ?? "000" }

    /// The body, or the reason why there is none, as text for people; at most 64 KiB of it.
    package var text: String {
        status == nil ? problem : String(decoding: body.prefix(64 << 10), as: UTF8.self)
    }
}
