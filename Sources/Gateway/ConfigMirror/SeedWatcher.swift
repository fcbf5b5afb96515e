import Catalog
import Logging
import NIOPosix
import ServiceLifecycle

/// Looks at the seed directories now and then and loads them again when they have changed and come to rest.
package struct SeedWatcher: Service {
    package struct Schedule: Sendable, Equatable {
        package var interval: Duration
        /// Whether files are read to be compared, not only looked at.
        package var comparesContents: Bool

        package init(interval: Duration, comparesContents: Bool) {
            self.interval = interval
            self.comparesContents = comparesContents
        }

        /// Every second; every five, by contents, where that was asked for or a directory is a ConfigMap's volume.
        package init(for directories: SeedDirectories, forcesPolling: Bool) {
            let compares = forcesPolling || directories.areMounted
            self.init(interval: compares ? .seconds(5) : .seconds(1), comparesContents: compares)
        }
    }

    private let directories: SeedDirectories
    private let schedule: Schedule
    private let threads: NIOThreadPool
    private let logger: Logger
    private let reload: @Sendable (Registry) -> Void

    /// - Parameters:
    ///   - threads: do the reading, for files block.
    ///   - reload: called with seeds that are usable as a whole; others are reported and change nothing.
    package init(
        directories: SeedDirectories, schedule: Schedule, threads: NIOThreadPool = .singleton, logger: Logger,
        reload: @escaping @Sendable (Registry) -> Void
    ) {
        self.directories = directories
        self.schedule = schedule
        self.threads = threads
        self.logger = logger
        self.reload = reload
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            guard var loaded = await self.look() else { return }
            var seen = loaded
            while (try? await Task.sleep(for: self.schedule.interval)) != nil {
                guard let now = await self.look() else { return }
                defer { seen = now }
                // Changed since it was loaded, and the same twice: nobody is in the middle of writing.
                guard now != loaded, now == seen else { continue }
                loaded = now
                await self.load()
            }
        }
    }

    private func look() async -> SeedDirectories.Fingerprint? {
        try? await threads.runIfActive { [directories, schedule] in
            directories.fingerprint(comparingContents: schedule.comparesContents)
        }
    }

    private func load() async {
        do {
            let seeds = try await threads.runIfActive { [directories] in try Seeds.loadStrictly(directories) }
            reload(seeds)
            logger.info(
                "seeds loaded again",
                metadata: ["bundles": "\(seeds.bundles.count)", "models": "\(seeds.models.count)"])
        } catch {
            logger.error("seeds not loaded again, the previous ones stay", metadata: ["error": "\(error)"])
        }
    }
}
