import Kubernetes
import Synchronization

/// Hands keys to a controller that is made after those who find them.
final class ControllerLink: Sendable {
    private let controller = Mutex<Controller?>(nil)

    func connect(_ controller: Controller) { self.controller.withLock { $0 = controller } }

    func add(_ keys: Set<ObjectKey>, priority: WorkPriority) {
        guard let controller = controller.withLock({ $0 }) else { return }
        for key in keys { controller.add(key, priority: priority) }
    }

    /// Adds keys at moments of chance within a time, so that they do not come all at once.
    func addAll(_ keys: [ObjectKey], within time: Duration) {
        guard let controller = controller.withLock({ $0 }) else { return }
        for key in keys { controller.add(key, priority: .low, after: time * Double.random(in: 0...1)) }
    }
}
