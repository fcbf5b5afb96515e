import AsyncHTTPClient
import Catalog
import Logging
import NATSClient
import NIOCore
import ServiceLifecycle
import Synchronization
import Wire
import YAML

/// Keeps the worker's catalogue in step with the control plane: announcements over NATS, and the whole export at start
/// and after every reconnect where the address of `sie-config` is known (worker contract 3.1, 3.2).
package final class ConfigFeed: Service {
    /// Where the export is read.
    package struct Source: Sendable {
        package var baseURL: String
        /// Sent as a bearer token; never logged.
        package var token: String?
        package var http: HTTPClient

        package init(baseURL: String, token: String?, http: HTTPClient) {
            self.baseURL = baseURL
            self.token = token
            self.http = http
        }
    }

    private let bundle: String
    private let connection: NATSConnection
    private let source: Source?
    private let models: ModelHost
    private let logger: Logger
    private let epochs = Mutex(AppliedEpochs())

    package init(bundle: String, connection: NATSConnection, source: Source?, models: ModelHost, logger: Logger) {
        self.bundle = bundle
        self.connection = connection
        self.source = source
        self.models = models
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.followAnnouncements() }
                group.addTask { await self.followConnection() }
            }
        }
    }

    private func followAnnouncements() async {
        do {
            for await message in try await connection.subscribe(Subjects.configDeltas(bundle: bundle)) {
                message.payload.withUnsafeReadableBytes { apply($0) }
            }
        } catch {
            logger.error("configuration changes are not followed", metadata: ["error": "\(error)"])
        }
        // A service that ended would end the others.
        while (try? await Task.sleep(for: .seconds(3600))) != nil {}
    }

    private func followConnection() async {
        for await status in connection.statusUpdates where status == .connected {
            epochs.withLock { $0.reset() }
            if let source { await synchronize(with: source) }
        }
        while (try? await Task.sleep(for: .seconds(3600))) != nil {}
    }

    /// Reads the export, again and again with growing pauses until that succeeds.
    private func synchronize(with source: Source) async {
        var delay = Duration.seconds(1)
        while !Task.isCancelled {
            do throws(ConfigExport.Failure) {
                let export = try await ConfigExport.fetch(from: source.baseURL, token: source.token, http: source.http)
                for model in export.models { install(model, epoch: export.epoch) }
                for reason in export.rejected { logger.error("model refused", metadata: ["reason": "\(reason)"]) }
                logger.info(
                    "configuration fetched",
                    metadata: ["epoch": "\(export.epoch)", "models": "\(export.models.count)"])
                return
            } catch {
                logger.warning(
                    "configuration not fetched", metadata: ["error": "\(error)", "retry_in": "\(delay)"])
            }
            guard (try? await Task.sleep(for: delay)) != nil else { return }
            delay = min(delay * 2, .seconds(30))
        }
    }

    private func apply(_ payload: UnsafeRawBufferPointer) {
        do {
            let delta = try ConfigDelta(decoding: payload)
            guard !delta.isEpochBump else { return }
            let model = try ModelConfig(try YAMLNode(parsing: delta.modelConfig))
            if install(model, epoch: delta.epoch) {
                logger.info("model configured", metadata: ["model": "\(model.id)", "epoch": "\(delta.epoch)"])
            }
        } catch {
            logger.warning("unreadable configuration change", metadata: ["error": "\(error)"])
        }
    }

    /// False where something newer is in force.
    @discardableResult
    private func install(_ model: ModelConfig, epoch: UInt64) -> Bool {
        // One lock over check and change: an export and an announcement may arrive at once.
        epochs.withLock { epochs in
            guard epochs.accepts(epoch, for: model.id) else { return false }
            models.apply(model)
            epochs.applied(epoch, to: model.id)
            return true
        }
    }
}
