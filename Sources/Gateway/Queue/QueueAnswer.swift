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

/// A request ready for the queue. A class, because it is handed on many times.
package final class QueuedRequest: Sendable {
    package let id: String
    package let request: InferenceRequest
    /// Where its items go.
    package let address: WorkAddress
    /// When it arrived, in Unix seconds.
    package let timestamp: Double
    /// The gateway's span of the caller's trace, as a header; nil where there is none.
    package let traceParent: String?
    /// Keys of the payloads that were stored, by work item; nil where none was.
    let payloadKeys: [Int: String]?

    package init(
        id: String, request: InferenceRequest, address: WorkAddress, timestamp: Double, traceParent: String? = nil,
        payloadKeys: [Int: String]? = nil
    ) {
        self.id = id
        self.request = request
        self.address = address
        self.timestamp = timestamp
        self.traceParent = traceParent
        self.payloadKeys = payloadKeys
    }

    /// The same request when these payloads are stored.
    func storing(_ payloadKeys: [Int: String]) -> QueuedRequest {
        QueuedRequest(
            id: id, request: request, address: address, timestamp: timestamp, traceParent: traceParent,
            payloadKeys: payloadKeys.isEmpty ? nil : payloadKeys)
    }
}
