import FoundationEssentials
import Kubernetes
import Logging
import ServiceLifecycle
import Synchronization

/// Knows the replicas of the gateway, and since when: a service that follows the addresses behind a Service of Kubernetes,
/// through EndpointSlices where the server has them and the role allows them, else through Endpoints.
package final class GatewayFleet: Service {
    private enum Place {
        case slices(ResourceType)
        case endpoints
    }

    private struct State: Sendable {
        var replicas: [GatewayReplica] = []
        /// Since when a replica is there and ready, by ids.
        var readySince: [String: Timestamp] = [:]
        var isSynced = false
        var listeners: [@Sendable () -> Void] = []
    }

    private let client: KubernetesClient
    private let namespace: String
    private let service: String
    private let onRestart: (@Sendable (InformerRestart) -> Void)?
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - service: the Service's name.
    ///   - onRestart: told of each list and watch that is begun again, and why.
    package init(
        _ client: KubernetesClient, namespace: String, service: String,
        onRestart: (@Sendable (InformerRestart) -> Void)? = nil, logger: Logger
    ) {
        self.client = client
        self.namespace = namespace
        self.service = service
        self.onRestart = onRestart
        self.logger = logger
    }

    /// Adds somebody who is told whenever the replicas have changed, and when all are known that are there at the start.
    package func listen(_ listener: @escaping @Sendable () -> Void) {
        state.withLock { $0.listeners.append(listener) }
    }

    /// All replicas, by pod names.
    package var replicas: [GatewayReplica] { state.withLock { $0.replicas } }

    /// Whether everything is known that was there at the start.
    package var isSynced: Bool { state.withLock { $0.isSynced } }

    /// Since when each ready replica is ready, by ids: a new one has to be given time to learn what others know.
    package var readySince: [String: Timestamp] { state.withLock { $0.readySince } }

    package func run() async {
        await cancelWhenGracefulShutdown {
            switch await self.findPlace() {
            case .slices(let type):
                await self.follow(
                    self.client.resources(EndpointSlice.self, at: type, in: self.namespace),
                    Selection(labels: "\(EndpointSlice.serviceNameLabel)=\(self.service)")
                ) { GatewayReplica.replicas(in: $0) }
            case .endpoints:
                await self.follow(
                    self.client.resources(Endpoints.self, in: self.namespace),
                    Selection(fields: "metadata.name=\(self.service)")
                ) { GatewayReplica.replicas(in: $0.first) }
            case nil: return
            }
        }
    }

    /// Asks until there is an answer; nil when the task is cancelled before.
    private func findPlace() async -> Place? {
        var backoff = Backoff(base: .seconds(1), cap: .seconds(30))
        while !Task.isCancelled {
            do throws(KubernetesError) {
                return try await choosePlace()
            } catch {
                logger.warning(
                    "The gateway's replicas cannot be found yet",
                    metadata: ["service": .string(service), "error": .string("\(error)")])
            }
            var generator = SystemRandomNumberGenerator()
            try? await Task.sleep(for: backoff.wait(now: .zero, using: &generator))
        }
        return nil
    }

    private func choosePlace() async throws(KubernetesError) -> Place {
        let types = [EndpointSlice.resourceType, EndpointSlice.resourceType.at(version: "v1beta1")]
        guard let type = try await client.discovery.firstServed(of: types) else { return .endpoints }
        do throws(KubernetesError) {
            _ = try await client.resources(EndpointSlice.self, at: type, in: namespace).list(.init(limit: 1))
            return .slices(type)
        } catch {
            guard error.status?.reason == .forbidden else { throw error }
            return .endpoints
        }
    }

    private func follow<Object: KubernetesObject>(
        _ resources: Resources<Object>, _ selection: Selection,
        replicas: @escaping @Sendable ([Object]) -> [GatewayReplica]
    ) async {
        let known = Mutex<[ObjectKey: Object]>([:])
        var options = Informer<Object>.Options(selection: selection)
        options.onRestart = onRestart
        let informer = Informer(resources, options: options, logger: logger) { [self] event in
            let objects = known.withLock { known in
                switch event {
                case .added(let object), .updated(_, let object): known[object.key] = object
                case .deleted(let object, _): known[object.key] = nil
                case .synced: break
                }
                return Array(known.values)
            }
            var isFirst = false
            if case .synced = event { isFirst = true }
            // Before everything is there, some would be missing.
            if isFirst || isSynced { replace(with: replicas(objects), isFirst: isFirst) }
        }
        await informer.run()
    }

    private func replace(with replicas: [GatewayReplica], isFirst: Bool) {
        let now = Timestamp(secondsSince1970: Int64(Date.now.timeIntervalSince1970))
        let isChanged = state.withLock { state in
            if isFirst { state.isSynced = true }
            let ready = Set(replicas.filter(\.isReady).map(\.id))
            state.readySince = state.readySince.filter { ready.contains($0.key) }
            for id in ready where state.readySince[id] == nil { state.readySince[id] = now }
            defer { state.replicas = replicas }
            return state.replicas != replicas
        }
        guard isChanged || isFirst else { return }
        for listener in state.withLock({ $0.listeners }) { listener() }
    }
}
