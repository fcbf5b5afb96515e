import Logging
import MessagePack
import NATSClient
import NIOCore
import Observability
import Synchronization
import Wire

/// Takes messages off the work queue, hands them to their models and settles each exactly once. Called on the event
/// loop for what arrives and on inference threads for what finishes (worker contract 2.3 to 2.9).
package final class WorkDispatcher: Sendable {
    struct State {
        var ledger: DeliveryLedger
        var messages: [DeliveryLedger.ID: Held] = [:]
        /// What has become of the items of those with several.
        var batches: [DeliveryLedger.ID: BatchAnswers] = [:]
        var quarantine = Quarantine<WorkIntake>()
        /// Messages off the ledger whose answer is being written: whoever waits for the last one before it closes the
        /// connection has to wait for these too.
        var settling = 0
    }

    struct Held {
        var message: JetStreamMessage
        var content: WorkLane.Content
        var itemCount: Int
    }

    /// Told of each message that was settled: of which queue it was, and for how many items it counted.
    package typealias OnSettled = @Sendable (_ content: WorkLane.Content, _ itemCount: Int) -> Void

    let state: Mutex<State>
    private let models: any ModelServing
    let publisher: ResultPublisher
    let metrics: WorkerMetrics
    let nakDelays: NakDelays
    private let payloads: (any PayloadSource)?
    private let clock: WorkerClock
    let logger: Logger
    /// Called whenever a message was settled, so that another one of its queue may be asked for.
    private let onSettled: OnSettled

    /// How long work that is given back stays away.
    package struct NakDelays: Sendable {
        /// The model is not here, or not yet.
        var unavailable: Duration
        var outOfMemory: Duration

        package init(unavailable: Duration, outOfMemory: Duration) {
            self.unavailable = unavailable
            self.outOfMemory = outOfMemory
        }
    }

    /// - Parameter payloads: where items lie that were too large for the queue; nil where nowhere.
    package init(
        models: any ModelServing, publisher: ResultPublisher, metrics: WorkerMetrics, nakDelays: NakDelays,
        payloads: (any PayloadSource)?, ackWait: Duration,
        clock: WorkerClock, logger: Logger,
        onSettled: @escaping OnSettled
    ) {
        state = Mutex(State(ledger: DeliveryLedger(ackWait: ackWait / .seconds(1))))
        self.models = models
        self.publisher = publisher
        self.metrics = metrics
        self.nakDelays = nakDelays
        self.payloads = payloads
        self.clock = clock
        self.logger = logger
        self.onSettled = onSettled
    }

    /// Messages fetched and not settled. What is not counted any more has been written to the connection.
    package var outstanding: Int { state.withLock { $0.ledger.outstanding + $0.settling } }

    // MARK: Events

    /// A message with a work item arrived.
    package func received(_ message: JetStreamMessage) {
        guard let id = take(message, content: .items) else { return }
        let intake = message.payload.withUnsafeReadableBytes { WorkIntake(subject: message.subject, payload: $0) }
        let delivery = message.metadata?.deliveryCount ?? 1
        if delivery >= Quarantine<WorkIntake>.firstDelivery {
            logger.debug("work item comes again: done by itself", metadata: ["delivery": "\(delivery)"])
            if state.withLock({ $0.quarantine.entered(intake, id: id) }) { publisher.soon { [self] in beginSuspect() } }
        } else {
            perform(intake, delivery: id)
        }
    }

    private func beginSuspect() {
        var generator = SystemRandomNumberGenerator()
        let next = state.withLock { $0.quarantine.begin(using: &generator) }
        if let next { perform(next.item, delivery: next.id) }
    }

    /// Enters a message into the ledger; nil, and the message given back, while draining.
    func take(_ message: JetStreamMessage, content: WorkLane.Content) -> DeliveryLedger.ID? {
        let now = clock.monotonicSeconds()
        let held = Held(message: message, content: content, itemCount: content.itemCount(of: message))
        let id = state.withLock { state -> DeliveryLedger.ID? in
            guard let id = state.ledger.received(now: now) else { return nil }
            state.messages[id] = held
            return id
        }
        if id == nil {
            attempt("give back") { () throws(NATSError) in try message.nak() }
            onSettled(content, held.itemCount)
        }
        return id
    }

    func perform(_ intake: WorkIntake, delivery id: DeliveryLedger.ID) {
        switch intake {
        case .encode(let work, let item): encode(work, item, delivery: id)
        case .fetch(let work, let reference): fetch(reference, of: work, delivery: id)
        case .refuse(let work, let code, let reason): fail(work, code: code, message: reason, delivery: id)
        case .drop(let reason):
            logger.warning("work item dropped", metadata: ["reason": "\(reason)"])
            end(id, { $0.leftOut() }) { message throws(NATSError) in try message.ack() }
        case .terminate(let reason):
            metrics.terminated.with().increment()
            logger.warning("message removed from the work queue", metadata: ["reason": "\(reason)"])
            end(id, { $0.leftOut() }) { message throws(NATSError) in try message.term() }
        }
    }

    /// Announces long-running work, so that it is not handed to another worker; call every few seconds.
    package func announceProgress() {
        let now = clock.monotonicSeconds()
        let due = state.withLock { state in state.ledger.inProgress(now: now).compactMap { state.messages[$0] } }
        for held in due {
            attempt("announce progress") { () throws(NATSError) in try held.message.inProgress() }
        }
    }

    /// Shutdown: what has not started goes back to the queue at once, what runs is finished and answered.
    package func drain() {
        let waiting = state.withLock { state in
            let ids = state.ledger.drain()
            for id in ids { state.batches[id] = nil }
            state.quarantine.removeWaiting()
            let waiting = ids.compactMap { state.messages.removeValue(forKey: $0) }
            state.settling += waiting.count
            return waiting
        }
        for held in waiting {
            attempt("give back") { () throws(NATSError) in try held.message.nak() }
            answered(held)
        }
    }

    // MARK: Encoding

    /// Reads an item that did not fit into the queue, then encodes it.
    private func fetch(_ reference: String, of work: WorkItem, delivery: DeliveryLedger.ID) {
        let start = clock.monotonicSeconds()
        let resolve: @Sendable (Result<[UInt8], PayloadFailure>) -> Void = { [self] payload in
            do {
                var work = work
                work.item = try payload.get()
                var item = try WorkIntake.EncodeItem(work)
                item.payloadFetchMilliseconds = (clock.monotonicSeconds() - start) * 1000
                encode(work, item, delivery: delivery)
            } catch {
                logger.warning("payload not read", metadata: ["reference": "\(reference)", "reason": "\(error)"])
                fail(work, code: "payload_error", message: "Failed to resolve item payload", delivery: delivery)
            }
        }
        if let payloads { payloads.read(reference, resolve) } else { resolve(.failure(.noStore)) }
    }

    private func encode(_ work: WorkItem, _ item: WorkIntake.EncodeItem, delivery: DeliveryLedger.ID) {
        models.withModel(work.modelID) { [self] admission in
            switch admission {
            case .ready(let model): start(work, item, on: model, delivery: delivery)
            case .refused(let message): fail(work, code: "MODEL_LOAD_FAILED", message: message, delivery: delivery)
            case .unknown, .busy:
                metrics.givenBack.with(work.modelID).increment()
                giveBack(work, for: nakDelays.unavailable, delivery: delivery)
            }
        }
    }

    private func start(
        _ work: WorkItem, _ item: WorkIntake.EncodeItem, on model: ServedModel, delivery: DeliveryLedger.ID
    ) {
        if !work.bundleConfigHash.isEmpty, work.bundleConfigHash != models.bundleConfigHash {
            metrics.hashMismatches.with(work.modelID).increment()
        }
        let parameters: EncodeParameters
        let text: String
        do throws(EncodeError) {
            parameters = try model.parameters(for: work, options: item.options)
            guard let given = item.text else { throw .missingText(adapter: model.adapter) }
            text = parameters.prompt(for: given)
        } catch {
            return fail(work, code: "inference_error", message: error.description, delivery: delivery)
        }
        let started = StartTime()
        let accepted = model.encoder.submit(text, parameters: parameters) { [self] in
            started.set(clock.unixSeconds())
            state.withLock { $0.ledger.started(delivery) }
        } completion: { [self] result in
            switch result {
            case .success(let encoded):
                finish(
                    work, item, encoded, dtype: parameters.outputDType,
                    queueMilliseconds: (started.value - work.timestamp) * 1000, delivery: delivery)
            case .failure(.rejected(let reason)):
                fail(work, code: "inference_error", message: reason, delivery: delivery)
            case .failure(.cancelled): giveBack(work, for: nil, delivery: delivery)
            case .failure(.outOfMemory):
                metrics.outOfMemory.with(work.modelID).increment()
                giveBack(work, for: nakDelays.outOfMemory, delivery: delivery)
            }
        }
        if !accepted {
            metrics.givenBack.with(work.modelID).increment()
            giveBack(work, for: .milliseconds(100), delivery: delivery)
        }
    }

    private func finish(
        _ work: WorkItem, _ item: WorkIntake.EncodeItem, _ encoded: EncodedText, dtype: OutputDType,
        queueMilliseconds: Double, delivery: DeliveryLedger.ID
    ) {
        metrics.requests.with(work.modelID, work.operation, "success").increment()
        metrics.queueWait.with(work.modelID).observe(max(0, queueMilliseconds) / 1000)
        metrics.duration.with(work.modelID, work.operation, "inference").observe(encoded.inferenceMilliseconds / 1000)
        let result = publisher.result(
            encoded, of: work, itemID: item.id, dtype: dtype, queueMilliseconds: queueMilliseconds,
            payloadFetchMilliseconds: item.payloadFetchMilliseconds)
        answer(work, result, delivery: delivery)
    }

    private func fail(_ work: WorkItem, code: String, message reason: String, delivery: DeliveryLedger.ID) {
        metrics.requests.with(work.modelID, work.operation, "error").increment()
        logger.debug(
            "work item failed", metadata: ["model": "\(work.modelID)", "code": "\(code)", "reason": "\(reason)"])
        answer(work, publisher.failure(reason, code: code, of: work), delivery: delivery)
    }

    // MARK: Settling

    /// One item has its result. That of an item that came with others goes out with theirs.
    private func answer(_ work: WorkItem, _ result: WorkResult, delivery: DeliveryLedger.ID) {
        let answer = BatchAnswers.Answer(result, to: work.replySubject)
        end(delivery, { $0.answered(answer) }) { [publisher] message throws(NATSError) in
            try publisher.publish(result, to: work.replySubject)
            try message.ack()
        }
    }

    /// One item is left to others, or to a later time.
    private func giveBack(_ work: WorkItem, for delay: Duration?, delivery: DeliveryLedger.ID) {
        end(delivery, { $0.gaveBack(for: delay ?? .zero) }) { message throws(NATSError) in
            try message.nak(delay: delay)
        }
    }

    /// Performs `action` unless the delivery was settled before. Where it throws, JetStream delivers the message again
    /// after its ack wait: nothing is lost.
    func settle(_ id: DeliveryLedger.ID, _ action: (JetStreamMessage) throws(NATSError) -> Void) {
        let held = state.withLock { state -> Held? in
            guard state.ledger.settled(id), let held = state.messages.removeValue(forKey: id) else { return nil }
            state.batches[id] = nil
            state.settling += 1
            return held
        }
        guard let held else { return }
        attempt("answer") { () throws(NATSError) in try action(held.message) }
        answered(held)
        if state.withLock({ $0.quarantine.settled(id) }) { publisher.soon { [self] in beginSuspect() } }
    }

    private func answered(_ held: Held) {
        state.withLock { $0.settling -= 1 }
        onSettled(held.content, held.itemCount)
    }

    private func attempt(_ what: String, _ action: () throws(NATSError) -> Void) {
        do throws(NATSError) {
            try action()
        } catch {
            logger.warning("cannot \(what) a work item; it will be delivered again", metadata: ["error": "\(error)"])
        }
    }
}

/// When inference on one item began; written on an inference thread before it is read there.
private final class StartTime: Sendable {
    private let bits = Atomic<UInt64>(0)

    var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

    func set(_ seconds: Double) { bits.store(seconds.bitPattern, ordering: .relaxed) }
}
