import Logging
import MessagePack
import NATSClient
import NIOCore
import Synchronization
import Wire

/// Messages with several work items. They have one acknowledgement: it is given when every item has its result. Where an
/// item had to be given back, or a worker ended before that, the message comes again; then it is taken apart, so that
/// from there on each item has its own deliveries and none can hold up, or take down, the others.
extension WorkDispatcher {
    /// A message with several work items arrived.
    package func received(batch message: JetStreamMessage) {
        guard let id = take(message, content: .batches) else { return }
        let subject = message.subject
        guard let token = Subjects.modelToken(ofBatchSubject: subject) else {
            return perform(.terminate(reason: "subject \(subject) is not one of batches"), delivery: id)
        }
        let decoded = message.payload.withUnsafeReadableBytes { bytes -> Result<WorkItemBatch, WireError> in
            do throws(WireError) {
                return .success(try WorkItemBatch(decoding: bytes))
            } catch {
                return .failure(error)
            }
        }
        switch decoded {
        case .failure(let error): perform(.terminate(reason: "undecodable batch: \(error)"), delivery: id)
        case .success(let batch) where (message.metadata?.deliveryCount ?? 1) > 1:
            takeApart(batch, of: subject, delivery: id)
        case .success(let batch):
            let intakes = batch.entries.map { WorkIntake(batch.workItem($0), modelToken: token) }
            // Nobody to answer: that is so for all of them.
            if let first = intakes.first, case .drop = first { return perform(first, delivery: id) }
            state.withLock { $0.batches[id] = BatchAnswers(itemCount: intakes.count) }
            for intake in intakes { perform(intake, delivery: id) }
        }
    }

    enum Progress {
        /// The message is no batch.
        case single
        case incomplete
        case complete(BatchAnswers)
    }

    /// Tells what an event on one item means for its message.
    func progress(of delivery: DeliveryLedger.ID, _ event: (inout BatchAnswers) -> Bool) -> Progress {
        state.withLock { state in
            guard let entry = state.batches.index(forKey: delivery) else { return .single }
            return event(&state.batches.values[entry]) ? .complete(state.batches.values[entry]) : .incomplete
        }
    }

    /// Publishes what was answered, then acknowledges the message, or gives it back for the rest.
    func settle(_ answers: BatchAnswers, of work: WorkItem, delivery: DeliveryLedger.ID) {
        settle(delivery) { [publisher] message throws(NATSError) in
            try publisher.publish(answers.results, to: work.replySubject)
            guard let delay = answers.givenBackFor else { return try message.ack() }
            try message.nak(delay: delay > .zero ? delay : nil)
        }
    }

    /// Puts the items of a batch that comes again onto the ordinary queue, one message each, and acknowledges it when
    /// all are stored.
    private func takeApart(_ batch: WorkItemBatch, of subject: String, delivery: DeliveryLedger.ID) {
        // Under way: a shutdown waits for it.
        state.withLock { $0.ledger.started(delivery) }
        logger.info(
            "batch taken apart",
            metadata: ["request_id": "\(batch.shared.requestID)", "items": "\(batch.entries.count)"])
        let itemSubject = Subjects.work(ofBatchSubject: subject)
        let writer = WorkItemWriter(batch.shared)
        let storing = Storing(count: batch.entries.count)
        let stored: @Sendable (Bool) -> Void = { [self] isStored in
            guard let all = storing.stored(isStored) else { return }
            settle(delivery) { [nakDelays] message throws(NATSError) in
                if all { try message.ack() } else { try message.nak(delay: nakDelays.unavailable) }
            }
        }
        for entry in batch.entries {
            var item = MessagePackWriter(capacity: 512 + (entry.item?.count ?? 0))
            writer.write(entry, to: &item)
            do throws(NATSError) {
                try publisher.enqueue(item.bytes, subject: itemSubject) { result in
                    if case .success = result { stored(true) } else { stored(false) }
                }
            } catch {
                stored(false)
            }
        }
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
    fileprivate func write(_ entry: WorkItemBatch.Entry, to writer: inout MessagePackWriter) {
        if let reference = entry.payloadRef {
            write(.itemReference(reference), index: entry.index, to: &writer)
        } else {
            let item = entry.item ?? [0xc0]
            item.withUnsafeBytes { write(.item($0), index: entry.index, to: &writer) }
        }
    }
}
