import Observability
import Wire

/// The queue's series of one operation, looked up once.
struct QueueSeries: Sendable {
    let publishSeconds: Histogram
    let itemsPublished: Histogram
    let resultWaitSeconds: Histogram

    init(_ operation: WorkItem.Operation, of metrics: InferenceMetrics) {
        publishSeconds = metrics.publishSeconds.with(operation.rawValue)
        itemsPublished = metrics.itemsPublished.with(operation.rawValue)
        resultWaitSeconds = metrics.resultWaitSeconds.with(operation.rawValue)
    }
}
