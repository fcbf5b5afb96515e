import ServiceLifecycle

/// Looks after the store: a follower takes what the writer stored, and a writer whose store failed at start tries again.
struct StoreWatch: Service {
    let authority: ConfigAuthority
    let interval: Duration

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: interval)
                guard !Task.isCancelled else { return }
                await authority.keepUp()
            }
        }
    }
}
