import NIOCore
import Wire

/// How a request that was handed to the queue ended.
package enum QueueAnswer: Sendable {
    /// One result for every work item, in item order.
    case results([WorkResult], QueueTiming)
    case refused(PublishRefusal)
    /// The deadline passed before all results were there.
    case timedOut
    /// The gateway is shutting down.
    case closed
}

/// How long a request spent on its way, as the gateway saw it.
package struct QueueTiming: Equatable, Sendable {
    /// Time to hand all work items to the broker's connection.
    package var publish: TimeAmount
    /// From then to the last result.
    package var wait: TimeAmount

    package init(publish: TimeAmount, wait: TimeAmount) {
        self.publish = publish
        self.wait = wait
    }
}

/// A request ready for the queue.
package struct QueuedRequest: Sendable {
    package var id: String
    package var request: InferenceRequest
    package var route: Route
    /// When it arrived, in Unix seconds.
    package var timestamp: Double
    /// The gateway's span of the caller's trace, as a header; nil where there is none.
    package var traceParent: String?
    /// Where its items go, where that is kept for the route; nil has it made.
    package var address: WorkAddress?
    /// Keys of the payloads that were stored, by work item.
    package var payloadKeys: [Int: String] = [:]

    package init(id: String, request: InferenceRequest, route: Route, timestamp: Double) {
        self.id = id
        self.request = request
        self.route = route
        self.timestamp = timestamp
    }
}
