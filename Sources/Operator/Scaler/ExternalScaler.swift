import NIOCore

/// KEDA's `externalscaler.ExternalScaler`: what is asked for one worker group, as a function of the demand that is known.
package enum ExternalScaler {
    /// The methods, by their paths. `StreamMetricSpec`, which newer definitions have, is not offered: the targets of a
    /// trigger change with its ScaledObject, which KEDA sees anyway.
    package enum Method: String, CaseIterable, Sendable {
        case isActive = "/externalscaler.ExternalScaler/IsActive"
        case streamIsActive = "/externalscaler.ExternalScaler/StreamIsActive"
        case getMetricSpec = "/externalscaler.ExternalScaler/GetMetricSpec"
        case getMetrics = "/externalscaler.ExternalScaler/GetMetrics"
    }

    /// What a trigger says of its group, in its metadata.
    package struct Trigger: Sendable, Hashable {
        package var group: WorkerGroupName
        package var queueDepthPerWorker: Int
        package var queueDepthActivation: Int

        package init(_ group: WorkerGroupName, queueDepthPerWorker: Int = 10, queueDepthActivation: Int = 2) {
            self.group = group
            self.queueDepthPerWorker = queueDepthPerWorker
            self.queueDepthActivation = queueDepthActivation
        }

        /// - Throws: `INVALID_ARGUMENT` with the name of what is missing or wrong.
        package init(_ reference: ScaledObjectRef) throws(GRPCStatus) {
            func text(_ key: String) throws(GRPCStatus) -> String {
                guard let text = reference.scalerMetadata[key], !text.isEmpty else {
                    throw GRPCStatus(
                        .invalidArgument, "the trigger of \(reference.namespace)/\(reference.name) has no \(key)")
                }
                return text
            }
            func number(_ key: String, _ fallback: Int, from least: Int) throws(GRPCStatus) -> Int {
                guard let text = reference.scalerMetadata[key] else { return fallback }
                guard let number = Int(text), number >= least, number <= 1_000_000 else {
                    throw GRPCStatus(.invalidArgument, "\(key) must be a number from \(least) on, not '\(text)'")
                }
                return number
            }
            self.init(
                WorkerGroupName(
                    bundle: try text(ScaledObject.MetadataKey.bundle),
                    machineProfile: try text(ScaledObject.MetadataKey.machineProfile)),
                queueDepthPerWorker: try number(ScaledObject.MetadataKey.queueDepthPerWorker, 10, from: 1),
                queueDepthActivation: try number(ScaledObject.MetadataKey.queueDepthActivation, 2, from: 0))
        }
    }

    /// The metrics of a group. The queue is worth one worker for so many items; the capacity is workers.
    package enum Metric: String, CaseIterable, Sendable {
        case queue = "sie_queue"
        case capacity = "sie_capacity"

        /// - Parameter name: as KEDA asks; some ask with the prefix `s0-` that they have put before it.
        package init?(asked name: String) {
            if let metric = Metric(rawValue: name) {
                self = metric
                return
            }
            guard name.utf8.first == UInt8(ascii: "s"), let dash = name.utf8.firstIndex(of: UInt8(ascii: "-")),
                Int(name[..<dash].dropFirst()) != nil
            else { return nil }
            self.init(rawValue: String(name[name.index(after: dash)...]))
        }
    }

    // MARK: Answers

    package static func isActive(_ trigger: Trigger, _ signals: DemandBook.Signals) -> Bool {
        signals.isActive(queueDepthActivation: trigger.queueDepthActivation)
    }

    package static func metricSpec(_ trigger: Trigger) -> [ScalerMetric] {
        [
            ScalerMetric(Metric.queue.rawValue, trigger.queueDepthPerWorker),
            ScalerMetric(Metric.capacity.rawValue, 1),
        ]
    }

    /// - Parameter name: of the metric that is asked for; empty for all.
    /// - Throws: `INVALID_ARGUMENT` for a name that is none.
    package static func metrics(_ name: String, _ signals: DemandBook.Signals) throws(GRPCStatus) -> [ScalerMetric] {
        let all = [
            ScalerMetric(Metric.queue.rawValue, signals.queuedItems),
            ScalerMetric(Metric.capacity.rawValue, signals.capacity),
        ]
        guard !name.isEmpty else { return all }
        guard let metric = Metric(asked: name) else {
            throw GRPCStatus(.invalidArgument, "there is no metric '\(name)'")
        }
        return all.filter { $0.name == metric.rawValue }
    }
}
