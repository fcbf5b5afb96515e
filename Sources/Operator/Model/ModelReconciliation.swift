import Catalog
import Kubernetes
import YAML

/// One reconcile of a model, as a conversation: whoever drives it does what an action asks for and says what came of it,
/// until the action is ``Action/finish(_:after:)``.
///
/// Everything that has to outlive a crash is in the object's status; a reconcile that begins anew goes on from there.
package struct ModelReconciliation: Sendable {
    package enum Action: Sendable, Hashable {
        /// Write the status and say ``Event/written``. What follows must not happen before.
        case write(SIEModel.Status)
        /// Ask the config service for the model's document.
        case fetchModel(id: String)
        /// Send the document with this key. A repair brings back what the config service has lost.
        case post(ModelPayload, idempotencyKey: String, isRepair: Bool)
        /// Read the token again, then ``Event/tokenRead``.
        case readToken
        /// Ask the config service for its epoch. One that it told some seconds ago will do where nothing was registered.
        case fetchEpoch(isNew: Bool)
        /// Ask every replica of the gateway for the model's status.
        case probe(id: String)
        /// Write the status unless it is the one that was read, and come back.
        case finish(SIEModel.Status, after: Return)
    }

    /// When a model is to be looked at again, if nothing happens to it.
    package enum Return: Sendable, Hashable {
        /// Not before somebody changes the object.
        case never
        /// With the work queue's growing waits; at least so many seconds, where the service said so.
        case withBackoff(atLeastSeconds: Int?)
        case afterSeconds(Int)
    }

    package enum Event: Sendable {
        case written
        /// The config service's document of the model; nil where it has none.
        case model(YAMLMapping?)
        /// The config service could not be asked.
        case unanswered(RegistrationOutcome)
        case answered(RegistrationOutcome)
        case tokenRead
        /// Nil where the service does not say.
        case epoch(Int?)
        case probed([ReplicaReport])
    }

    /// What a driver must not do to a reconciliation.
    package struct UnexpectedEvent: Error, Sendable, CustomStringConvertible {
        package var description: String
    }

    /// Of a ready model, whose driver adds some jitter.
    package static let steadySeconds = 300
    /// Of what only a change can help.
    package static let stalledSeconds = 1800
    /// Of a token that is refused.
    package static let unauthorizedSeconds = 60

    private enum State {
        case begun
        case beginning
        case comparing
        case announcing
        case posting
        case readingToken(isPosting: Bool)
        case asking(ModelFindings.Registration, isNew: Bool)
        case probing(ModelFindings.Registration)
        case finished
    }

    private let model: SIEModel
    private let duplicate: ObjectKey?
    private let awaitsBundles: Bool
    private let isFleetCheck: Bool
    private let now: Timestamp
    private var state = State.begun
    private var receipt: SIEModel.Registration
    private var payload: ModelPayload?
    private var hasPosted = false
    private var hasReadToken = false
    private var hasChangedKey = false
    private var hasComparedAgain = false

    /// - Parameters:
    ///   - duplicate: the older object with the same model id, if there is one.
    ///   - awaitsBundles: whether some SIEBundle is not advertised yet, so that an unknown adapter may still become known.
    ///   - isFleetCheck: whether only the gateway's replicas have changed: what is registered need not be compared.
    package init(
        _ model: SIEModel, duplicate: ObjectKey? = nil, awaitsBundles: Bool = false, isFleetCheck: Bool = false,
        now: Timestamp
    ) {
        self.isFleetCheck = isFleetCheck
        self.model = model
        self.duplicate = duplicate
        self.awaitsBundles = awaitsBundles
        self.now = now
        receipt = model.status?.registration ?? .init()
    }

    // MARK: Beginning

    /// The first action.
    package mutating func start() -> Action {
        guard !model.isSuspended else { return finish(writer.suspended(), .never) }
        let issues = model.issues()
        guard issues.isEmpty, let spec = model.spec.value else {
            return finish(writer.invalid(issues), .afterSeconds(Self.stalledSeconds))
        }
        if let duplicate {
            let status = writer.duplicate(of: duplicate, modelID: spec.modelID)
            return finish(status, .afterSeconds(Self.stalledSeconds))
        }
        let payload: ModelPayload
        do {
            payload = try ModelPayload(spec)
        } catch {
            return stall(.payloadTooLarge, error.description)
        }
        self.payload = payload
        // Before anything goes out, nobody may take a new object for one that is done. Its key goes along, so that sending
        // it takes no write of its own.
        guard model.status?.conditions[.ready] != nil else {
            state = .beginning
            _ = keepKey(of: payload)
            let text = "comparing \(spec.modelID) with the catalogue"
            return .write(writer.outcome(.init(.underWay(message: text), receipt: receipt)))
        }
        if isFleetCheck, let registration = settledRegistration { return probe(registration) }
        return compare()
    }

    /// What follows from what came of the last action.
    package mutating func handle(_ event: Event) throws(UnexpectedEvent) -> Action {
        switch (state, event) {
        case (.beginning, .written): return compare()
        case (.comparing, .model(let document)): return compared(document)
        case (.comparing, .unanswered(let outcome)): return unanswered(outcome)
        case (.announcing, .written): return post()
        case (.posting, .answered(let outcome)): return answered(outcome)
        case (.readingToken(let isPosting), .tokenRead): return isPosting ? post() : compare()
        case (.asking(let registration, let isNew), .epoch(let epoch)):
            // A service that began to count anew will not reach the old epoch soon, and gateways follow the service.
            if let epoch { receipt.configEpoch = isNew ? epoch : min(receipt.configEpoch ?? epoch, epoch) }
            return probe(registration)
        case (.probing(let registration), .probed(let reports)): return probed(registration, reports)
        default: throw UnexpectedEvent(description: "\(event) while \(state)")
        }
    }

    // MARK: The catalogue

    private mutating func compare() -> Action {
        state = .comparing
        return .fetchModel(id: payload?.modelID ?? "")
    }

    private mutating func compared(_ document: YAMLMapping?) -> Action {
        guard let payload else { return stall(.invalidSpec, "there is no document") }
        let diff: ModelDiff
        do {
            diff = try ModelDiff(payload, registered: document)
        } catch {
            return stall(.validationFailed, "the catalogue's document cannot be read: \(error)")
        }
        switch diff {
        case .conflicting(let profiles, let fields):
            let text = ModelDiff.explanation(profiles: profiles, fields: fields, modelID: payload.modelID)
            return stall(.appendOnlyConflict, text)
        case .equal(let unregistered):
            let lacks = unregistered.isEmpty ? "" : "; it lacks \(unregistered.joined(separator: ", "))"
            let text = Self.present(payload.modelID) + lacks
            let reason = known(.adopted)
            // Nothing was sent under it.
            if reason == .adopted { receipt.idempotencyKey = nil }
            return registered(.done(reason, message: text), as: payload, router: nil, warnings: nil)
        case .opaque where isRegistered:
            return registered(
                .done(known(.alreadyRegistered), message: Self.present(payload.modelID)), as: payload, router: nil,
                warnings: nil)
        case .absent where isRegistered, .lacking where isRegistered:
            // What was there is gone; with the old key the service would only repeat its old answer.
            receipt.attempt = (receipt.attempt ?? 0) + 1
            (receipt.registeredAt, receipt.configEpoch) = (nil, nil)
            return announce(payload)
        case .absent, .lacking, .opaque: return announce(payload)
        }
    }

    private static func present(_ modelID: String) -> String { "the catalogue has \(modelID)" }

    /// What the status says of a document as it is now that the catalogue has; nil where anything was wrong with it.
    private var settledRegistration: ModelFindings.Registration? {
        guard isRegistered, model.isObserved, let payload, let told = model.status?.conditions[.registered],
            told.isTrue,
            let reason = ModelReason(rawValue: told.reason),
            told.message.utf8.starts(with: Self.present(payload.modelID).utf8)
        else { return nil }
        return .done(reason, message: told.message)
    }

    /// The reason of a model that was found there: the one that was told before, unless there was none.
    private func known(_ otherwise: ModelReason) -> ModelReason {
        let told = model.status?.conditions[.registered].flatMap { $0.isTrue ? ModelReason(rawValue: $0.reason) : nil }
        if let told { return told }
        // The key is there before the request: what is there now may be what was sent then.
        return hasPosted || model.status?.registration?.idempotencyKey != nil ? .alreadyRegistered : otherwise
    }

    /// Puts the key into what is written.
    ///
    /// - Returns: whether it was there already.
    private mutating func keepKey(of payload: ModelPayload) -> Bool {
        let key = payload.idempotencyKey(uid: model.metadata.uid ?? "", attempt: receipt.attempt ?? 0)
        if receipt.payloadSHA256 != payload.sha256 { receipt.registeredAt = nil }
        let isKept = receipt.idempotencyKey == key && receipt.payloadSHA256 == payload.sha256
        (receipt.idempotencyKey, receipt.payloadSHA256) = (key, payload.sha256)
        receipt.attempt = receipt.attempt ?? 0
        return isKept
    }

    /// Keeps the key before it is used, so that a crash repeats it.
    private mutating func announce(_ payload: ModelPayload) -> Action {
        guard !keepKey(of: payload) else { return post() }
        state = .announcing
        let text = "sending \(payload.modelID) to the config service"
        return .write(writer.outcome(.init(.underWay(message: text), receipt: receipt)))
    }

    private mutating func post() -> Action {
        guard let payload, let key = receipt.idempotencyKey else { return stall(.invalidSpec, "there is no document") }
        state = .posting
        hasPosted = true
        return .post(payload, idempotencyKey: key, isRepair: receipt.attempt ?? 0 > 0)
    }

    private mutating func answered(_ outcome: RegistrationOutcome) -> Action {
        guard let payload else { return stall(.invalidSpec, "there is no document") }
        switch outcome {
        case .registered(let answer):
            let reason: ModelReason = answer.created.isEmpty ? .alreadyRegistered : .created
            // In the words of a later comparison, so that it finds nothing to write.
            return registered(
                .done(reason, message: Self.present(payload.modelID)), as: payload, router: answer.routerID,
                warnings: answer.warnings)
        case .appliedBefore where !hasComparedAgain:
            hasComparedAgain = true
            return compare()
        case .unauthorized where !hasReadToken: return readToken(isPosting: true)
        case .keyReused where !hasChangedKey:
            hasChangedKey = true
            receipt.attempt = (receipt.attempt ?? 0) + 1
            return announce(payload)
        default: return failed(outcome)
        }
    }

    private mutating func unanswered(_ outcome: RegistrationOutcome) -> Action {
        if case .unauthorized = outcome, !hasReadToken { return readToken(isPosting: false) }
        return failed(outcome)
    }

    /// Once: it may just have been replaced.
    private mutating func readToken(isPosting: Bool) -> Action {
        hasReadToken = true
        state = .readingToken(isPosting: isPosting)
        return .readToken
    }

    private mutating func registered(
        _ registration: ModelFindings.Registration, as payload: ModelPayload, router: String?, warnings: [String]?
    ) -> Action {
        let isNew = !isRegistered || warnings != nil
        receipt.payloadSHA256 = payload.sha256
        receipt.profiles = payload.profileNames
        receipt.attempt = receipt.attempt ?? 0
        receipt.routerID = router ?? receipt.routerID
        receipt.warnings = warnings ?? receipt.warnings
        if isNew { receipt.registeredAt = now }
        state = .asking(registration, isNew: isNew)
        return .fetchEpoch(isNew: isNew)
    }

    // MARK: The gateways

    private mutating func probe(_ registration: ModelFindings.Registration) -> Action {
        state = .probing(registration)
        return .probe(id: payload?.modelID ?? "")
    }

    private mutating func probed(
        _ registration: ModelFindings.Registration, _ reports: [ReplicaReport]
    ) -> Action {
        let fold = GatewayFold(
            reports, modelID: payload?.modelID ?? "", targetEpoch: receipt.configEpoch,
            wasRoutable: model.status?.conditions.isTrue(.routable) ?? false, now: now)
        let status = writer.outcome(
            .init(registration, receipt: receipt, gateways: fold))
        var after = Return.withBackoff(atLeastSeconds: nil)
        if case .failing = registration {
            // Served as ever; the service is asked again.
        } else if status.conditions.isTrue(.ready) {
            after = .afterSeconds(Self.steadySeconds)
        }
        return finish(status, after)
    }

    // MARK: Endings

    /// What the config service does not do, and may do later or not.
    private mutating func failed(_ outcome: RegistrationOutcome) -> Action {
        switch outcome {
        case .retry(let reason, let message, let seconds): return fail(reason, message, seconds)
        case .appliedBefore: return fail(.configServiceUnavailable, "the answer was forgotten", nil)
        case .unroutable(let message) where awaitsBundles: return fail(.validationFailed, message, nil)
        case .unroutable(let message): return stall(.validationFailed, message)
        case .refused(let reason, let message): return stall(reason, message)
        case .keyReused(let message): return stall(.idempotencyMismatch, message)
        case .unauthorized(let message) where isRegistered: return fail(.unauthorized, message, nil)
        case .unauthorized(let message): return stall(.unauthorized, message, seconds: Self.unauthorizedSeconds)
        case .registered: return fail(.configServiceUnavailable, "an answer to nothing", nil)
        }
    }

    /// A model that was registered goes on being served: the gateways are asked all the same.
    private mutating func fail(_ reason: ModelReason, _ message: String, _ seconds: Int?) -> Action {
        if isRegistered {
            return probe(.failing(reason, message: message, isRegistered: true))
        }
        let status = writer.outcome(
            .init(.failing(reason, message: message), receipt: receipt))
        return finish(status, .withBackoff(atLeastSeconds: seconds))
    }

    private mutating func stall(_ reason: ModelReason, _ message: String, seconds: Int = stalledSeconds) -> Action {
        let status = writer.outcome(
            .init(.stalled(reason, message: message), receipt: receipt))
        return finish(status, .afterSeconds(seconds))
    }

    private mutating func finish(_ status: SIEModel.Status, _ after: Return) -> Action {
        state = .finished
        return .finish(status, after: after)
    }

    /// Whether the document as it is now was registered, by the status.
    private var isRegistered: Bool { receipt.registeredAt != nil && receipt.payloadSHA256 == payload?.sha256 }

    private var writer: ModelStatusWriter {
        ModelStatusWriter(
            model.status, readiness: model.spec.value?.readiness ?? .init(), generation: model.metadata.generation,
            reconcileRequest: model.metadata.annotations[SIEGroup.reconcileAtAnnotation], now: now)
    }
}
