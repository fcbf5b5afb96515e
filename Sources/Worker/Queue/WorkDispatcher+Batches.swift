import Logging
import MessagePack
import NATSClient
import NIOCore
import Synchronization
import Wire

/// Messages with several work items, of one request or of several. They have one acknowledgement: it is given when every
/// item has its end. Where an item had to be given back, or a worker ended before that, the message comes again; then it
/// is taken apart, so that from there on each item has its own deliveries and none can hold up, or take down, the others.
extension WorkDispatcher {
    /// A message with several work items arrived.
    package func received(batch message: JetStreamMessage) {
        guard let id = take(message, content: .batches) else { return }
        let subject = message.subject
        guard let token = Subjects.modelToken(ofBatchSubject: subject) else {
            return perform(.terminate(reason: "subject \(subject) is not one of batches"), delivery: id)
        }
        let comesAgain = (message.metadata?.deliveryCount ?? 1) > 1
        message.payload.withUnsafeReadableBytes { bytes in
            if CoalescedItems.isCoalesced(bytes) {
                received(coalesced: bytes, of: subject, model: token, comesAgain: comesAgain, delivery: id)
            } else {
                received(batch: bytes, of: subject, model: token, comesAgain: comesAgain, delivery: id)
            }
        }
    }

    /// Items of one request: their results are parts of one answer and go out together.
    private func received(
        batch bytes: UnsafeRawBufferPointer, of subject: String, model token: Substring, comesAgain: Bool,
        delivery id: DeliveryLedger.ID
    ) {
        let batch: WorkItemBatch
        do throws(WireError) {
            batch = try WorkItemBatch(decoding: bytes)
        } catch {
            return perform(.terminate(reason: "undecodable batch: \(error)"), delivery: id)
        }
        if comesAgain {
            let writer = WorkItemWriter(batch.shared)
            return takeApart(batch.entries.map { writer.message($0) }, of: subject, delivery: id)
        }
        let intakes = batch.entries.map { WorkIntake(batch.workItem($0), modelToken: token) }
        // Nobody to answer: that is so for all of them.
        if let first = intakes.first, case .drop = first { return perform(first, delivery: id) }
        perform(intakes, pace: .together, delivery: id)
    }

    /// Items of several requests: each is answered when it is done.
    private func received(
        coalesced bytes: UnsafeRawBufferPointer, of subject: String, model token: Substring, comesAgain: Bool,
        delivery id: DeliveryLedger.ID
    ) {
        let items: [UnsafeRawBufferPointer]
        do throws(MessagePackError) {
            items = try CoalescedItems.split(bytes)
        } catch {
            return perform(.terminate(reason: "undecodable coalesced message: \(error)"), delivery: id)
        }
        if comesAgain { return takeApart(items.map { Array($0) }, of: subject, delivery: id) }
        perform(items.map { WorkIntake(payload: $0, modelToken: token) }, pace: .asReady, delivery: id)
    }

    private func perform(_ intakes: [WorkIntake], pace: BatchAnswers.Pace, delivery id: DeliveryLedger.ID) {
        state.withLock { $0.batches[id] = BatchAnswers(itemCount: intakes.count, pace: pace) }
        for intake in intakes { perform(intake, delivery: id) }
    }

    // MARK: Ends of items

    private enum Progress {
        /// The message is the item's alone.
        case single
        case wait
        case send
        /// What else becomes ready meanwhile goes along.
        case sendSoon
    }

    /// An item has come to its end.
    ///
    /// - Parameters:
    ///   - event: tells its message, where that has several.
    ///   - settlement: settles its message, where that is its own.
    func end(
        _ delivery: DeliveryLedger.ID, _ event: (inout BatchAnswers) -> Bool,
        alone settlement: (JetStreamMessage) throws(NATSError) -> Void
    ) {
        let progress = state.withLock { state -> Progress in
            guard let entry = state.batches.index(forKey: delivery) else { return .single }
            guard event(&state.batches.values[entry]) else { return .wait }
            return state.batches.values[entry].pace == .together ? .send : .sendSoon
        }
        switch progress {
        case .single: settle(delivery, settlement)
        case .wait: break
        case .send: send(delivery)
        case .sendSoon: publisher.soon { [self] in send(delivery) }
        }
    }

    /// Publishes what is ready of a message, and settles the message where nothing comes after.
    private func send(_ delivery: DeliveryLedger.ID) {
        guard let sending = state.withLock({ $0.batches[delivery]?.take() }) else { return }
        guard let settlement = sending.settlement else {
            do throws(NATSError) {
                try publisher.publish(sending.answers)
            } catch {
                logger.warning(
                    "cannot answer work items; they will be delivered again",
                    metadata: ["error": "\(error)", "items": "\(sending.answers.count)"])
                state.withLock { $0.batches[delivery]?.failedToSend() }
            }
            return
        }
        settle(delivery) { [publisher] message throws(NATSError) in
            try publisher.publish(sending.answers)
            switch settlement {
            case .acknowledge: try message.ack()
            case .giveBack(let delay): try message.nak(delay: delay > .zero ? delay : nil)
            }
        }
    }

    // MARK: Taking apart

    /// Puts the items of a message that comes again onto the ordinary queue, one message each, and acknowledges it when
    /// all are stored.
    ///
    /// A worker may end between the two, and the message come once more: the items are named, so that the queue keeps
    /// one of each. Of an item that ends its workers there would else be another one each time.
    private func takeApart(_ items: [[UInt8]], of subject: String, delivery: DeliveryLedger.ID) {
        // Under way: a shutdown waits for it.
        state.withLock { $0.ledger.started(delivery) }
        logger.info("message taken apart", metadata: ["subject": "\(subject)", "items": "\(items.count)"])
        let itemSubject = Subjects.work(ofBatchSubject: subject)
        let storing = Storing(count: items.count)
        let stored: @Sendable (Bool) -> Void = { [self] isStored in
            guard let all = storing.stored(isStored) else { return }
            settle(delivery) { [nakDelays] message throws(NATSError) in
                if all { try message.ack() } else { try message.nak(delay: nakDelays.unavailable) }
            }
        }
        for item in items {
            do throws(NATSError) {
                try publisher.enqueue(item, subject: itemSubject, messageID: Self.messageID(of: item)) { result in
                    if case .success = result { stored(true) } else { stored(false) }
                }
            } catch {
                stored(false)
            }
        }
    }

    /// What a work item is called on the queue; nil where it is none, which whoever takes it will find.
    private static func messageID(of item: [UInt8]) -> String? {
        item.withUnsafeBytes { try? WorkItem(decoding: $0) }.map { "\($0.requestID).\($0.itemIndex)" }
    }
}

/// Counts down the items of a batch that are being stored singly.
private final class Storing: Sendable {
    private let state: Mutex<(left: Int, areAllStored: Bool)>

    init(count: Int) { state = Mutex((count, true)) }

    /// - Returns: at the last one, whether all were stored.
    func stored(_ isStored: Bool) -> Bool? {
        state.withLock { state in
            state.left -= 1
            if !isStored { state.areAllStored = false }
            return state.left == 0 ? state.areAllStored : nil
        }
    }
}

extension WorkItemWriter {
    /// An item of a batch as a message of its own.
    fileprivate func message(_ entry: WorkItemBatch.Entry) -> [UInt8] {
        var writer = MessagePackWriter(capacity: 512 + (entry.item?.count ?? 0))
        if let reference = entry.payloadRef {
            write(.itemReference(reference), index: entry.index, to: &writer)
        } else {
            let item = entry.item ?? [0xc0]
            item.withUnsafeBytes { write(.item($0), index: entry.index, to: &writer) }
        }
        return writer.bytes
    }
}
