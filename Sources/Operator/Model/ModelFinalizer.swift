import Kubernetes

/// Lets a deleted object go. The config service of today forgets nothing, and nobody is kept waiting for it: no namespace
/// hangs on a request that does not exist.
struct ModelFinalizer: Sendable {
    /// After how long the object goes whatever the config service says.
    static let limitSeconds: Int64 = 600

    private let config: ConfigServiceClient
    private let events: EventRecorder

    init(_ config: ConfigServiceClient, _ events: EventRecorder) {
        self.config = config
        self.events = events
    }

    func finalize(
        _ model: SIEModel, in resources: Resources<SIEModel>, now: Timestamp
    ) async throws -> ReconcileResult {
        guard let patch = JSONPatch.removing(finalizer: SIEModel.finalizer, from: model.metadata) else { return .done }
        if !model.mustForceFinalize, let spec = model.spec.value {
            if spec.deletionPolicy == .retain {
                tell(model, .normal, "ModelRetained", "the config service keeps \(spec.modelID)")
            } else if let wait = await remove(spec.modelID, of: model, now: now) {
                return .requeueAfter(wait)
            }
        }
        do throws(KubernetesError) {
            let options = WriteOptions(fieldManager: ModelReconciler.manager)
            try await resources.patch(model.metadata.name ?? "", patch, options)
        } catch {
            guard error.isNotFound else { throw error }
        }
        return .done
    }

    /// - Returns: when to try again; nil where there is nothing more to try.
    private func remove(_ modelID: String, of model: SIEModel, now: Timestamp) async -> Duration? {
        switch await config.remove(modelID) {
        case .response(200..<300, _, _): return nil
        case .response(let status, _, _) where [404, 405, 501].contains(status):
            tell(
                model, .warning, "RemoteDeleteUnsupported",
                "the config service answered \(status) and keeps \(modelID): it forgets no models")
            return nil
        default:
            let deleted = model.metadata.deletionTimestamp?.secondsSince1970 ?? now.secondsSince1970
            if now.secondsSince1970 - deleted < Self.limitSeconds { return .seconds(Double.random(in: 5...15)) }
            tell(
                model, .warning, "FinalizerTimeout",
                "the config service could not be asked to forget \(modelID) within \(Self.limitSeconds) s")
            return nil
        }
    }

    private func tell(_ model: SIEModel, _ type: EventType, _ reason: String, _ note: String) {
        events.record(model.reference, type, reason: reason, action: "Finalize", note: note)
    }
}
