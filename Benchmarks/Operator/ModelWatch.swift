import Foundation
import JSONStream
import Kubernetes
import Logging
import Synchronization

/// Follows the models of a namespace, as whoever has applied them does: when each one came and when it was Ready.
final class ModelWatch: Sendable {
    /// As much of a model as has to be known here.
    private struct Model: KubernetesObject {
        struct Status: Codable {
            struct Condition: Codable {
                var type: String
                var status: String
            }

            var conditions: [Condition]?
        }

        var metadata: ObjectMeta
        var status: Status?

        var isReady: Bool { status?.conditions?.contains { $0.type == "Ready" && $0.status == "True" } ?? false }
    }

    private struct State {
        var came: [String: ContinuousClock.Instant] = [:]
        var ready: [String: ContinuousClock.Instant] = [:]
    }

    private final class Ledger: Sendable {
        let state = Mutex(State())

        func apply(_ event: InformerEvent<Model>) {
            guard let model = event.object, let name = model.metadata.name else { return }
            state.withLock { state in
                let now = ContinuousClock.now
                if state.came[name] == nil { state.came[name] = now }
                if state.ready[name] == nil, model.isReady { state.ready[name] = now }
            }
        }
    }

    private let ledger: Ledger
    private let following: Task<Void, Never>

    /// Begins to follow.
    init(_ client: KubernetesClient, in namespace: String) async {
        let ledger = Ledger()
        self.ledger = ledger
        let informer = Informer(
            client.resources(Model.self, at: ModelWorkload.models, in: namespace),
            logger: Logger(label: "sie-bench") { _ in SwiftLogNoOpLogHandler() }
        ) { event in ledger.apply(event) }
        following = Task { await informer.run() }
        await informer.waitUntilSynced()
    }

    deinit { following.cancel() }

    var readyCount: Int { ledger.state.withLock { $0.ready.count } }

    /// Returns when so many have been Ready.
    func wait(for count: Int, within limit: Duration) async throws {
        let start = ContinuousClock.now
        while readyCount < count {
            guard .now - start < limit else {
                throw OperatorBenchmarkStack.Failure(
                    description: "within \(limit), \(readyCount) of \(count) models became Ready")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Seconds from the moment that each model was there until it was Ready, sorted.
    var secondsToReady: [Double] {
        ledger.state.withLock { state in
            state.ready.compactMap { name, ready in state.came[name].map { (ready - $0) / .seconds(1) } }.sorted()
        }
    }
}
