import Gateway
import HTTPService
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Observability
import ServiceLifecycle
import Settings
import TestSupport

/// The surface routes on a port of their own, over documents that a test makes.
enum SurfaceServer {
    static func with(
        documents: ClusterDocuments, workers: [WorkerRecord] = [], isDraining: Bool = false,
        environment: [String: String] = [:],
        body: @Sendable (HTTPTestClient) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = GatewayConfiguration(environment: Environment(environment))
        let metrics = MetricsRegistry()
        let pools = PoolDirectory(
            configuredMachineProfiles: configuration.configuredMachineProfiles,
            hasDefaultPool: configuration.enablesPools, metrics: PoolMetrics(registry: metrics), logger: logger,
            fleet: { WorkerSnapshot(workers) }, fleetChanges: AsyncStream.makeStream(), publish: { _ in })
        let access = try AccessRule(configuration.authentication)
        let routes = SurfaceRoutes(
            documents: { documents }, isDraining: { isDraining }, pools: pools, metrics: metrics,
            access: access, audit: AuditLog(logger: logger))
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(host: "127.0.0.1", port: 0),
            routes: routes.router().buildResponder(),
            webSockets: [
                ClusterStream.route(documents: { documents }, access: access, interval: .milliseconds(20))
            ], group: MultiThreadedEventLoopGroup.singleton, logger: logger)
        let port = try await server.bind().port ?? 0
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(HTTPTestClient(port: port))
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
