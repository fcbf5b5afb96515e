import Kubernetes
import Logging
import ServiceLifecycle
import Synchronization

/// The objects of a kind: a service that follows them once for everybody who works with them.
final class KnownObjects<Object: SIEResource>: Service {
    private final class Listeners: Sendable {
        private let all = Mutex<[@Sendable (InformerEvent<Object>) -> Void]>([])

        func add(_ listener: @escaping @Sendable (InformerEvent<Object>) -> Void) {
            all.withLock { $0.append(listener) }
        }

        func tell(_ event: InformerEvent<Object>) {
            for listener in all.withLock({ $0 }) { listener(event) }
        }
    }

    private let informer: Informer<Object>
    private let listeners: Listeners

    /// - Parameter namespace: nil for all.
    init(_ client: KubernetesClient, namespace: String?, metrics: OperatorMetrics, logger: Logger) {
        let listeners = Listeners()
        self.listeners = listeners
        var options = Informer<Object>.Options()
        options.streamsInitialList = true
        options.onRestart = { metrics.countRestart($0) }
        informer = Informer(
            client.resources(Object.self, in: namespace), options: options, logger: logger
        ) { event in listeners.tell(event) }
    }

    /// Adds somebody who is told of every change, in order, once the change is known here; to be called before `run`.
    func listen(_ listener: @escaping @Sendable (InformerEvent<Object>) -> Void) { listeners.add(listener) }

    subscript(key: ObjectKey) -> Object? { informer[key] }
    var keys: [ObjectKey] { Array(informer.objects.keys) }
    var all: [Object] { Array(informer.objects.values) }
    /// Those of a namespace.
    func all(in namespace: String?) -> [Object] { all.filter { $0.metadata.namespace == namespace } }
    /// Whether everything has been told that was there at the start.
    var isSynced: Bool { informer.isSynced }

    func run() async { await informer.run() }
}
