import Catalog
import Synchronization

/// The models that this cluster serves itself, for whoever asks from any thread.
package final class LocalModels: Sendable {
    private let registry = Mutex(Registry())

    package init() {}

    package func set(_ registry: Registry) { self.registry.withLock { $0 = registry } }

    package func knows(_ model: String) -> Bool { registry.withLock { $0 }.model(named: model) != nil }
}
