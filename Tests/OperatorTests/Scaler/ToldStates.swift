import Synchronization

/// What somebody was told, in order.
final class ToldStates: Sendable {
    private let values = Mutex<[Bool]>([])

    var all: [Bool] { values.withLock { $0 } }

    func append(_ value: Bool) { values.withLock { $0.append(value) } }
}
