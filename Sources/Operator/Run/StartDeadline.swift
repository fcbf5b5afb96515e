import Logging
import ServiceLifecycle

/// Ends a process that does not come to know what there is: a service that fails where that takes too long, and then waits
/// for the shutdown. A watch that fails for want of a right or a kind would otherwise leave a process that looks alive and
/// does nothing.
package struct StartDeadline: Service {
    /// Something that has to be known.
    package struct Part: Sendable {
        package var name: String
        package var isSynced: @Sendable () -> Bool

        package init(_ name: String, isSynced: @escaping @Sendable () -> Bool) {
            self.name = name
            self.isSynced = isSynced
        }
    }

    /// What was not known in time.
    package struct Missed: Error, CustomStringConvertible {
        package var parts: [String]
        package var limit: Duration

        package var description: String {
            "not known within \(limit): \(parts.joined(separator: ", ")); the log says why their lists fail"
        }
    }

    /// How often the parts are looked at.
    private static let interval = Duration.milliseconds(20)

    private let parts: [Part]
    private let limit: Duration
    private let logger: Logger

    package init(_ parts: [Part], within limit: Duration, logger: Logger) {
        self.parts = parts
        self.limit = limit
        self.logger = logger
    }

    /// Whether everything is known.
    package var isMet: Bool { parts.allSatisfy { $0.isSynced() } }

    /// Comes back when everything is known, or the process is to end. Whoever acted before would take what he does not know
    /// yet for what is not there.
    package func wait() async {
        await cancelWhenGracefulShutdown {
            while !isMet { guard (try? await Task.sleep(for: Self.interval)) != nil else { return } }
        }
    }

    /// - Throws: ``Missed``.
    package func run() async throws {
        let start = ContinuousClock.now
        try await cancelWhenGracefulShutdown {
            while !isMet {
                guard start.duration(to: .now) < limit else {
                    throw Missed(parts: parts.filter { !$0.isSynced() }.map(\.name), limit: limit)
                }
                guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
            }
            let took = start.duration(to: .now)
            logger.info("Everything is known", metadata: ["took": .stringConvertible(took)])
        }
        try? await gracefulShutdown()
    }
}
