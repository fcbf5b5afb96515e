import Kubernetes
import Logging
import ServiceLifecycle
import Synchronization

/// Finds the workers behind a Service of Kubernetes and says which they are whenever that changes: through EndpointSlices
/// where the server has them and the role allows them, else through Endpoints.
///
/// What it has found stays while the API server cannot be asked.
package final class WorkerDiscovery: Service {
    /// Where to look, best first; nil stands for Endpoints.
    private static let places: [ResourceType] = [
        EndpointSlice.resourceType, EndpointSlice.resourceType.at(version: "v1beta1"),
    ]

    private enum Place {
        case slices(ResourceType)
        case endpoints
    }

    private let client: KubernetesClient
    private let namespace: String
    private let service: String
    private let port: Int
    private let logger: Logger
    /// All base URLs after each change; the first when the whole list is there. Who is slow sees the newest.
    package let urls: AsyncStream<Set<String>>
    private let changes: AsyncStream<Set<String>>.Continuation

    /// - Parameters:
    ///   - service: the Service's name.
    ///   - port: the workers' HTTP port.
    package init(
        client: KubernetesClient, namespace: String, service: String, port: Int, logger: Logger
    ) {
        self.client = client
        self.namespace = namespace
        self.service = service
        self.port = port
        self.logger = logger
        (urls, changes) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            guard let place = await self.place() else { return }
            switch place {
            case .slices(let type):
                await self.follow(
                    self.client.resources(EndpointSlice.self, at: type, in: self.namespace),
                    Self.slices(of: self.service)
                ) { ServiceEndpoints.urls(of: $0, port: self.port) }
            case .endpoints:
                await self.follow(
                    self.client.resources(Endpoints.self, in: self.namespace),
                    Selection(fields: "metadata.name=\(self.service)")
                ) { ServiceEndpoints.urls(of: $0, port: self.port) }
            }
        }
    }

    private static func slices(of service: String) -> Selection {
        Selection(labels: "\(EndpointSlice.serviceNameLabel)=\(service)")
    }

    /// Asks until there is an answer; nil when the task is cancelled before.
    private func place() async -> Place? {
        var delay = Duration.seconds(1)
        while !Task.isCancelled {
            do throws(KubernetesError) {
                let place = try await choose()
                let name = if case .slices(let type) = place { type.apiVersion } else { "v1 Endpoints" }
                logger.info("discovering workers", metadata: ["service": "\(service)", "through": "\(name)"])
                return place
            } catch {
                logger.warning("workers not discovered", metadata: ["service": "\(service)", "error": "\(error)"])
            }
            guard (try? await Task.sleep(for: delay * Double.random(in: 0.8...1.2))) != nil else { return nil }
            delay = min(delay * 1.5, .seconds(60))
        }
        return nil
    }

    private func choose() async throws(KubernetesError) -> Place {
        guard let type = try await client.discovery.firstServed(of: Self.places) else { return .endpoints }
        do throws(KubernetesError) {
            var probe = ListOptions(selection: Self.slices(of: service), limit: 1)
            probe.resourceVersion = "0"
            _ = try await client.resources(EndpointSlice.self, at: type, in: namespace).list(probe)
            return .slices(type)
        } catch {
            // Roles made for the original gateway allow Endpoints alone.
            guard error.status?.reason == .forbidden else { throw error }
            return .endpoints
        }
    }

    private func follow<Object: KubernetesObject>(
        _ resources: Resources<Object>, _ selection: Selection,
        urls: @escaping @Sendable ([ObjectKey: Object].Values) -> Set<String>
    ) async {
        let known = Mutex(KnownEndpoints<Object>())
        let informer = Informer(resources, options: .init(selection: selection), logger: logger) { event in
            let changed = known.withLock { known -> Set<String>? in
                switch event {
                case .added(let object), .updated(_, let object): known.objects[object.key] = object
                case .deleted(let object, _): known.objects[object.key] = nil
                case .synced: known.isWhole = true
                }
                guard known.isWhole else { return nil }
                let urls = urls(known.objects.values)
                defer { known.published = urls }
                return urls == known.published ? nil : urls
            }
            if let changed { self.changes.yield(changed) }
        }
        await informer.run()
    }
}

/// The objects that name a Service's endpoints, and what was told of them.
private struct KnownEndpoints<Object: KubernetesObject>: Sendable {
    var objects: [ObjectKey: Object] = [:]
    /// Whether all objects of the first list are there.
    var isWhole = false
    var published: Set<String>?
}
