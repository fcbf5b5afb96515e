import Logging
import Synchronization

/// Leaves warnings and errors out of a log that repeat what was said ten times within a minute, and says at the end of the
/// minute how many they were. Shared by all loggers of a process.
package final class LogRepetitionFilter: Sendable {
    private let output: LogOutput
    private let format: LogFormat
    private let state = Mutex(LogRepetitions())
    private let start = ContinuousClock.now

    package init(output: LogOutput, format: LogFormat) {
        self.output = output
        self.format = format
    }

    /// Whether a line is to be written.
    func admits(
        _ level: Logger.Level, _ logger: String, _ message: String, _ metadata: Logger.Metadata, _ error: String?
    ) -> Bool {
        guard level >= .warning else { return true }
        let cause =
            [metadata["error"], metadata["reason"]].compactMap { $0.map { "\($0)" } } + [error].compactMap { $0 }
        let line = LogRepetitions.Line(
            level: level, logger: logger, message: message, cause: cause.joined(separator: "; "))
        switch state.withLock({ $0.take(line, now: start.duration(to: .now)) }) {
        case .write: return true
        case .leaveOut(let end):
            if let end { output.perform(after: end) { [weak self] in self?.summarize() } }
            return false
        }
    }

    /// Writes how many lines were left out of the minutes that are over.
    private func summarize() {
        let summaries = state.withLock { $0.summaries(now: start.duration(to: .now)) }
        for (line, count) in summaries {
            var metadata: Logger.Metadata = ["repeated": .stringConvertible(count)]
            if !line.cause.isEmpty { metadata["error"] = .string(line.cause) }
            output.write(
                LogLine(
                    format: format, timestamp: .now(), level: line.level, logger: line.logger,
                    message: "\(line.message) (repeated, \(count) lines left out)", metadata: metadata
                ).bytes())
        }
    }
}
