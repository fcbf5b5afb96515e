import JSONStream
import Kubernetes

/// What is left to do for a model whose object was deleted. Deleting a namespace never waits for an API that is not there.
package enum ModelFinalization: Sendable, Hashable {
    /// What people are told of the end.
    package enum Note: String, FinalizationNote, CaseIterable {
        /// The catalogue keeps the model, as the object asked for.
        case modelRetained = "ModelRetained"
        /// The catalogue has forgotten the model.
        case finalized = "Finalized"
        /// The config service cannot forget models; it keeps this one.
        case remoteDeleteUnsupported = "RemoteDeleteUnsupported"
        /// It could not be asked within the deadline.
        case finalizerTimeout = "FinalizerTimeout"
        case finalizerForced = "FinalizerForced"

        package var isWarning: Bool {
            switch self {
            case .modelRetained, .finalized: false
            case .remoteDeleteUnsupported, .finalizerTimeout, .finalizerForced: true
            }
        }
    }

    /// Nothing of ours holds the object.
    case done
    /// Take the finalizer away, and tell why.
    case release(Note, message: String)
    /// Ask the config service to forget the model, then ask ``next(for:after:now:)`` what its answer means.
    case deleteRemote(modelID: String)
    /// Ask it again later; at the deadline at the latest.
    case retry(message: String, afterSeconds: Int?, atMostSeconds: Int64)

    /// After how long the finalizer goes although nobody answered, unless somebody has set another time.
    package static let deadlineSeconds: Int64 = 600

    /// What to do for a deleted object.
    package static func next(for model: SIEModel, now: Timestamp) -> ModelFinalization {
        guard model.metadata.finalizers.contains(SIEModel.finalizer) else { return .done }
        if model.mustForceFinalize {
            return .release(.finalizerForced, message: "\(SIEGroup.forceFinalizeAnnotation) is set")
        }
        // What cannot be read says neither what to delete nor whether to.
        guard let spec = model.spec.value, spec.deletionPolicy == .delete else {
            return .release(.modelRetained, message: "the catalogue keeps the model (deletionPolicy Retain)")
        }
        return .deleteRemote(modelID: spec.modelID)
    }

    /// What the config service's answer to the deletion means.
    package static func next(
        for model: SIEModel, after answer: ConfigAnswer, deadlineSeconds: Int64 = deadlineSeconds, now: Timestamp
    ) -> ModelFinalization {
        let (problem, wait): (String, Int?)
        switch answer {
        case .response(status: 200..<300, _, _):
            return .release(.finalized, message: "the catalogue has forgotten the model")
        case .response(404, let body, _) where body["detail"]?["error"] == "model_not_found":
            return .release(.finalized, message: "the catalogue has no such model")
        case .response(let status, _, _) where [404, 405, 501].contains(status):
            let text = "the config service cannot forget models (\(status)); the catalogue keeps it"
            return .release(.remoteDeleteUnsupported, message: text)
        case .response(let status, _, let seconds): (problem, wait) = ("the config service answered \(status)", seconds)
        case .none(let reason): (problem, wait) = ("no answer of the config service: \(reason)", nil)
        }
        let begun = model.metadata.deletionTimestamp?.secondsSince1970 ?? now.secondsSince1970
        let left = deadlineSeconds - (now.secondsSince1970 - begun)
        guard left > 0 else {
            return .release(
                .finalizerTimeout, message: "\(problem) for \(deadlineSeconds) s; the catalogue keeps the model")
        }
        return .retry(message: problem, afterSeconds: wait, atMostSeconds: left)
    }

    /// Whether an object is to have the finalizer while it lives.
    package static func wantsFinalizer(_ model: SIEModel) -> Bool {
        model.spec.value?.deletionPolicy == .delete
    }
}
