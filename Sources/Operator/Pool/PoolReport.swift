import JSONStream
import Kubernetes

/// What one replica of the gateway says of one pool.
package struct PoolReport: Sendable, Hashable {
    /// A pool as a replica knows it.
    package struct View: Sendable, Hashable {
        /// Nil where it cannot be read.
        package var spec: PoolDocument.Spec?
        /// Whether the pool has every worker that it asks for.
        package var isActive: Bool
        package var workers: Int

        package init(spec: PoolDocument.Spec?, isActive: Bool = false, workers: Int = 0) {
            self.spec = spec
            self.isActive = isActive
            self.workers = workers
        }
    }

    package enum Answer: Sendable, Hashable {
        case known(View)
        /// 404.
        case unknownPool
        /// 401 or 403.
        case unauthorized(status: Int)
        /// No answer, or one that makes no sense.
        case unreachable(problem: String)
    }

    /// The name of the pod, or the address where it is not known.
    package var pod: String
    /// Since when the replica gets traffic.
    package var readySince: Timestamp
    package var answer: Answer

    package init(pod: String, readySince: Timestamp, answer: Answer) {
        self.pod = pod
        self.readySince = readySince
        self.answer = answer
    }
}

extension PoolReport.Answer {
    /// Reads the answer to `GET /v1/pools/{name}`.
    package init(status: Int, body: JSONValue) {
        switch status {
        case 200:
            guard let spec = body["spec"], let state = body["status"]?["state"]?.stringValue else {
                self = .unreachable(problem: "the answer is no pool")
                return
            }
            self = .known(
                PoolReport.View(
                    spec: try? PoolDocument.Spec(spec), isActive: state == SIEPool.Status.State.active.rawValue,
                    workers: body["status"]?["assigned_workers"]?.arrayValue?.count ?? 0))
        case 401, 403: self = .unauthorized(status: status)
        case 404: self = .unknownPool
        default: self = .unreachable(problem: "status \(status)")
        }
    }
}
