import CProcess
import ServiceLifecycle

/// Gives memory back that was freed: lists of thousands of objects are read at the start, and thousands of them are worked
/// on at once after an outage, but the C library keeps what that took.
struct MemoryReturn: Service {
    private static let interval = Duration.seconds(15)

    /// Waits until everything is known.
    let known: @Sendable () async -> Void

    /// To be called before the work begins: a heap for each thread would hold what the others freed.
    static func prepare() { cprocess_share_one_heap() }

    func run() async {
        await cancelWhenGracefulShutdown {
            await known()
            while !Task.isCancelled {
                cprocess_return_free_memory()
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
