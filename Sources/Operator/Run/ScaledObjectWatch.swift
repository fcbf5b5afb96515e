import Kubernetes
import Logging
import ServiceLifecycle

/// Follows KEDA's objects from the moment on at which the cluster has their kind: it may be installed at any time.
struct ScaledObjectWatch: Service {
    /// How often the cluster is asked for the kind until it has it.
    private static let interval = Duration.seconds(60)

    private let client: KubernetesClient
    private let informer: Informer<Unstructured>
    private let onInstalled: @Sendable () -> Void

    /// - Parameters:
    ///   - options: which objects, and who is told of restarts.
    ///   - onInstalled: told once, when the kind is there.
    ///   - onChange: told of every change.
    init(
        _ client: KubernetesClient, namespace: String?, options: Informer<Unstructured>.Options, logger: Logger,
        onInstalled: @escaping @Sendable () -> Void,
        onChange: @escaping @Sendable (InformerEvent<Unstructured>) -> Void
    ) {
        self.client = client
        self.onInstalled = onInstalled
        informer = Informer(
            client.resources(Unstructured.self, at: ScaledObject.resourceType, in: namespace), options: options,
            logger: logger
        ) { event in onChange(event) }
    }

    func run() async {
        await cancelWhenGracefulShutdown {
            while !(await isInstalled()) {
                guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
            }
            onInstalled()
            await informer.run()
        }
    }

    /// A server that does not answer is asked again.
    private func isInstalled() async -> Bool {
        do throws(KubernetesError) {
            return try await client.discovery.serves(ScaledObject.resourceType)
        } catch {
            return false
        }
    }
}
