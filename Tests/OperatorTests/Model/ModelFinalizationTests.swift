import JSONStream
import Kubernetes
import Operator
import Testing

@Suite("End of a model")
struct ModelFinalizationTests {
    private let deleted = Timestamp(secondsSince1970: 1_790_000_000)

    private func time(_ seconds: Int64) -> Timestamp {
        Timestamp(secondsSince1970: deleted.secondsSince1970 + seconds)
    }

    private func model(
        _ policy: SIEModel.Spec.DeletionPolicy = .delete, finalizers: [String] = [SIEModel.finalizer],
        annotations: [String: String] = [:]
    ) -> SIEModel {
        SIEModel(
            metadata: ObjectMeta(
                name: "m", deletionTimestamp: deleted, annotations: annotations, finalizers: finalizers),
            spec: .init(
                modelID: "a/b", profiles: [.init(name: "default", adapterPath: "m:C")], deletionPolicy: policy))
    }

    private func note(_ step: ModelFinalization) -> ModelFinalization.Note? {
        if case .release(let note, _) = step { note } else { nil }
    }

    @Test("an object that others hold is theirs")
    func others() {
        #expect(ModelFinalization.next(for: model(finalizers: ["example.com/theirs"]), now: deleted) == .done)
    }

    @Test("a model that is to be kept is let go at once, and so is one whose end is forced")
    func atOnce() {
        #expect(note(ModelFinalization.next(for: model(.retain), now: deleted)) == .modelRetained)
        let forced = model(annotations: [SIEGroup.forceFinalizeAnnotation: "true"])
        #expect(note(ModelFinalization.next(for: forced, now: deleted)) == .finalizerForced)
    }

    @Test("the config service is asked, and its yes and its cannot both let the object go")
    func answered() {
        let model = model()
        #expect(ModelFinalization.next(for: model, now: deleted) == .deleteRemote(modelID: "a/b"))
        for (status, expected) in [
            (200, ModelFinalization.Note.finalized), (204, .finalized), (404, .remoteDeleteUnsupported),
            (405, .remoteDeleteUnsupported), (501, .remoteDeleteUnsupported),
        ] {
            let step = ModelFinalization.next(
                for: model, after: .response(status: status, body: .null), now: deleted)
            #expect(note(step) == expected, "\(status)")
        }
        let gone = ModelFinalization.next(
            for: model, after: .response(status: 404, body: ["detail": ["error": "model_not_found"]]), now: deleted)
        #expect(note(gone) == .finalized)
        #expect(ModelFinalization.Note.remoteDeleteUnsupported.isWarning && !ModelFinalization.Note.finalized.isWarning)
    }

    @Test("a service that does not answer is asked again for ten minutes and no longer")
    func deadline() {
        let model = model()
        let answers: [ConfigAnswer] = [
            .none(problem: "refused"), .response(status: 503, body: .null, retryAfterSeconds: 7),
            .response(status: 403, body: .null),
        ]
        for answer in answers {
            let before = ModelFinalization.next(
                for: model, after: answer, now: time(ModelFinalization.deadlineSeconds - 1))
            guard case .retry(_, let seconds, _) = before else {
                Issue.record("\(answer) is not repeated: \(before)")
                continue
            }
            if case .response(_, _, let wait) = answer { #expect(seconds == wait) }
            let after = ModelFinalization.next(
                for: model, after: answer, now: time(ModelFinalization.deadlineSeconds))
            #expect(note(after) == .finalizerTimeout)
        }
    }

    @Test("only models whose registration is to go with them need the finalizer")
    func need() {
        #expect(ModelFinalization.wantsFinalizer(model(.delete)) && !ModelFinalization.wantsFinalizer(model(.retain)))
    }
}
