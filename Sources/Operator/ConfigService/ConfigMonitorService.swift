import FoundationEssentials
import Kubernetes
import Logging
import Observability
import ServiceLifecycle

/// Asks the config service how far it is, one request for all models, and has all of them looked at where it may have lost
/// or changed what they rest on.
package struct ConfigMonitorService: Service {
    private let config: ConfigServiceClient
    private let epoch: Gauge?
    private let logger: Logger
    private let onAlarm: @Sendable (ConfigMonitor.Alarm) -> Void

    /// - Parameters:
    ///   - epoch: shows the service's.
    ///   - onAlarm: told why all models have to be looked at.
    package init(
        _ config: ConfigServiceClient, epoch: Gauge? = nil, logger: Logger,
        onAlarm: @escaping @Sendable (ConfigMonitor.Alarm) -> Void
    ) {
        self.config = config
        self.epoch = epoch
        self.logger = logger
        self.onAlarm = onAlarm
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            var monitor = ConfigMonitor()
            while !Task.isCancelled {
                await ask(&monitor)
                try? await Task.sleep(for: .seconds(ConfigMonitor.intervalSeconds))
            }
        }
    }

    private func ask(_ monitor: inout ConfigMonitor) async {
        let answer = await config.epoch()
        if Task.isCancelled { return }
        let now = Timestamp(secondsSince1970: Int64(Date.now.timeIntervalSince1970))
        guard let answer else {
            monitor.failed(at: now)
            return
        }
        epoch?.set(Double(answer.epoch))
        let alarm = monitor.answered(epoch: answer.epoch, bundlesHash: answer.bundlesHash, at: now)
        guard let alarm else { return }
        logger.notice("All models are looked at again", metadata: ["cause": "\(alarm)"])
        onAlarm(alarm)
    }
}
