import ServiceLifecycle

/// Opens a store that could not be read at start, again and again until it can be.
struct StoreOpening: Service {
    private static let longestWait = Duration.seconds(10)

    let authority: ConfigAuthority

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var wait = Duration.milliseconds(250)
            while authority.awaitsStore {
                do { try await Task.sleep(for: wait) } catch { return }
                await authority.open()
                wait = min(wait * 2, Self.longestWait)
            }
        }
        // A service that ends ends all others.
        try? await gracefulShutdown()
    }
}
