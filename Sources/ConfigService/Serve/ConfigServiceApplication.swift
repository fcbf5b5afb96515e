import Catalog
import CurlClient
import FoundationEssentials
import HTTPService
import Hummingbird
import Logging
import NATSClient
import NIOCore
import NIOPosix
import ObjectStore
import Observability
import ServiceLifecycle
import UnixSignals

/// Puts the service together, runs it, and takes it apart in the reverse order.
struct ConfigServiceApplication: Sendable {
    private let configuration: ConfigServiceConfiguration
    private let logger: Logger

    init(_ configuration: ConfigServiceConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Throws: where the port cannot be listened on, the store's kind is unknown, or a NATS URL is none.
    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let metrics = ConfigMetrics()
        let store = try store()
        let publisher = try configuration.messaging.map {
            try NATSDeltaPublisher($0, identity: configuration.publisherID, eventLoopGroup: group, logger: logger)
        }
        publisher?.connection.onStatusChange { metrics.messagingConnected.set($0 == .connected) }

        let loader = CatalogueLoader(
            bundlesDirectory: configuration.bundlesDirectory, modelsDirectory: configuration.modelsDirectory,
            logger: logger)
        let elected = configuration.replication.map { ElectedWriter(lease: $0.lease) }
        metrics.isWriter.set(elected == nil)
        let authority = ConfigAuthority(
            catalogue: catalogue(loader),
            parts: ConfigAuthority.Parts(
                store: store, publisher: publisher, standing: elected ?? SoleWriter(), loader: loader,
                restores: configuration.restoresAtStart, metrics: metrics, logger: logger))
        await authority.open()
        let api = ConfigAPI(
            authority: authority, authorization: Authorization(configuration.tokens), metrics: metrics)
        var listening = HTTPServerConfiguration(host: configuration.host, port: configuration.port)
        // Above the limit of documents, so that a larger body gets the API's own answer after the checks before it.
        listening.routeBodyLimitBytes = 8 * ConfigAPI.maximumDocumentBytes
        let server = HTTPServer(
            configuration: listening, routes: api.router().buildResponder(), errorBodies: .configAPI, group: group,
            logger: logger)
        try await server.bind()

        // The last to start is the first to stop: requests drain while changes can still be announced.
        let bundles = BundleWatch(
            directory: CatalogDirectory(configuration.bundlesDirectory), authority: authority, interval: .seconds(2),
            logger: logger)
        var services: [any Service] = [bundles, server]
        if store != nil {
            services.insert(
                StoreWatch(authority: authority, interval: configuration.replication?.refresh ?? .seconds(1)), at: 0)
        }
        if let publisher, let replication = configuration.replication, let elected {
            let election = NATSElection(
                connection: publisher.connection, bucket: replication.bucket, holder: configuration.instanceID,
                lease: replication.lease)
            services.insert(
                WriterCampaign(
                    election: election, standing: elected, authority: authority, metrics: metrics, logger: logger),
                at: 0)
        }
        if let connection = publisher?.connection { services.insert(connection, at: 0) }
        try await ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        ).run()
        await authority.shutDown()
        try await group.shutdownGracefully()
    }

    /// The catalogue on disk; nil where the bundles cannot be read as a whole.
    private func catalogue(_ loader: CatalogueLoader) -> Catalogue? {
        do {
            return try loader.load()
        } catch {
            logger.error("the catalogue cannot be loaded", metadata: ["reason": "\(error)"])
            return nil
        }
    }

    private func store() throws -> (any ConfigStore)? {
        guard let location = configuration.storeLocation else { return nil }
        if let bucket = try ObjectStoreLocation(location) {
            return ObjectConfigStore(
                try bucket.open(environment: configuration.storeEnvironment, client: try CurlClient()))
        }
        guard !location.contains("://") else { throw UnknownStoreError(location: location) }
        return LocalConfigStore(root: location)
    }
}

/// A store location of a kind that this build has no backend for.
struct UnknownStoreError: Error, CustomStringConvertible {
    let location: String

    var description: String {
        "SIE_CONFIG_STORE_DIR: no store for '\(location.prefix { $0 != ":" })://' addresses; give s3://BUCKET/PREFIX, "
            + "gs://BUCKET/PREFIX or a local directory"
    }
}
