import Logging
import ServiceLifecycle

/// Loads what has to be in memory first, then says that the worker takes work, until shutdown begins. The first service
/// to be shut down, so that nobody sends work to a worker that is about to leave.
struct Readiness: Service {
    let preload: [String]
    let models: ModelHost
    let reporter: StatusReporter
    let logger: Logger

    func run() async throws {
        defer { reporter.accepts = false }
        for id in preload {
            let admission = await withCheckedContinuation { continuation in
                models.withModel(id) { continuation.resume(returning: $0) }
            }
            // One model that cannot be loaded leaves the others to be served.
            if case .ready = admission { continue }
            logger.error("model not preloaded", metadata: ["model": "\(id)"])
        }
        guard !Task.isShuttingDownGracefully else { return }
        reporter.accepts = true
        try await gracefulShutdown()
    }
}
