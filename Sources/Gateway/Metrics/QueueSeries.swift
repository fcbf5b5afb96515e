import NIOCore
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

    /// The series looked up so far: those of an operation at its first request.
    struct Table {
        private var encode: QueueSeries?
        private var score: QueueSeries?
        private var extract: QueueSeries?

        mutating func series(of operation: WorkItem.Operation, in metrics: InferenceMetrics) -> QueueSeries {
            switch operation {
            case .encode: Self.known(&encode, operation, metrics)
            case .score: Self.known(&score, operation, metrics)
            case .extract: Self.known(&extract, operation, metrics)
            }
        }

        private static func known(
            _ series: inout QueueSeries?, _ operation: WorkItem.Operation, _ metrics: InferenceMetrics
        ) -> QueueSeries {
            if let series { return series }
            let made = QueueSeries(operation, of: metrics)
            series = made
            return made
        }
    }
}

extension Histogram {
    /// Counts one duration, in seconds.
    func observe(_ time: TimeAmount) {
        observe(Double(time.nanoseconds) / 1e9)
    }
}
