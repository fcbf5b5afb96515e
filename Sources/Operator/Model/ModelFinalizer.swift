import Kubernetes

/// Lets a deleted model go, as ``ModelFinalization`` has it.
struct ModelFinalizer: Sendable {
    private let config: ConfigServiceClient
    private let release: ObjectRelease
    private let deadlineSeconds: Int64

    init(_ config: ConfigServiceClient, _ release: ObjectRelease, deadlineSeconds: Int64) {
        self.config = config
        self.release = release
        self.deadlineSeconds = deadlineSeconds
    }

    func finalize(
        _ model: SIEModel, in resources: Resources<SIEModel>, now: Timestamp
    ) async throws -> ReconcileResult {
        var next = ModelFinalization.next(for: model, now: now)
        if case .deleteRemote(let modelID) = next {
            let answer = await config.remove(modelID)
            try Task.checkCancellation()
            next = ModelFinalization.next(
                for: model, after: answer, deadlineSeconds: deadlineSeconds, now: now)
        }
        switch next {
        case .done: return .done
        case .deleteRemote: return .requeue
        case .retry(_, let seconds, let left):
            let wait = max(Duration.seconds(Double.random(in: 5...15)), .seconds(min(seconds ?? 0, 300)))
            return .requeueAfter(min(wait, .seconds(left)))
        case .release(let note, let message):
            try await release.perform(on: model, in: resources, note, message: message)
            return .done
        }
    }
}
