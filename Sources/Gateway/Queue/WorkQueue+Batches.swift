import Logging
import NATSClient
import NIOCore
import Observability
import Wire

/// Several items in one message, for lanes whose workers all take that (docs/batched-items.md).
extension WorkQueue {
    /// The parts that a request is published in; nil where each item is a message of its own.
    func batches(of queued: QueuedRequest) -> [Range<Int>]? {
        let request = queued.request
        let count = request.workItemCount
        guard count > 1 else { return nil }
        let takers = batchLanes.takers(bundle: queued.address.bundle, pool: queued.address.pool)
        guard takers > 0 else { return nil }
        let parts = BatchPlan.parts(
            itemCount: count, workers: takers, maximumBytes: min(BatchPlan.maximumBytes, payloadLimitBytes / 2)
        ) { index in
            queued.payloadKeys?[index]?.utf8.count ?? request.items[index].count
        }
        return parts.count == count ? nil : parts
    }

    /// Publishes a part of a request as one message. Where that is refused, its items go out one by one, as they would
    /// have without batches.
    func publish(
        batch part: Range<Int>, of queued: QueuedRequest, from bytes: UnsafeRawBufferPointer,
        with writer: WorkItemWriter
    ) -> PublishRefusal? {
        encoder.encode(queued, batch: part, of: bytes, with: writer)
        let message = encoder.item
        do throws(NATSError) {
            try jetStream.publish(
                queued.address.batchSubject, sizeHint: message.count, write: { $0.writeBytes(message) },
                onAck: { [self, id = queued.id] result in
                    if case .failure(let error) = result { notAcknowledged([id], items: part, error) }
                })
        } catch .maxPayloadExceeded {
            return publish(items: part, of: queued, from: bytes, with: writer)
        } catch {
            return PublishRefusal(error)
        }
        publishedMessage(itemCount: part.count, pool: queued.address.pool)
        return nil
    }

    /// A message with several items is on its way.
    func publishedMessage(itemCount: Int, pool: String) {
        metrics.batchesPublished.increment()
        let mean = itemsPerBatch[pool] ?? Double(itemCount)
        itemsPerBatch[pool] = mean + (Double(itemCount) - mean) / 16
    }

    /// The broker refused a message with several items, or did not confirm it.
    ///
    /// - Parameters:
    ///   - ids: the requests whose items it held.
    ///   - items: which of them; the same of each request.
    func notAcknowledged(_ ids: [String], items: Range<Int>, _ error: NATSError) {
        metrics.ackFailures.increment()
        logger.warning(
            "message with several items not acknowledged",
            metadata: ["request_id": "\(ids.joined(separator: ","))", "error": "\(error)"])
        switch error {
        case .timeout: return  // It may be stored all the same; the requests' own deadlines decide.
        case .disconnected, .notConnected, .closed, .draining:
            for id in ids { end(id, .refused(.queueDisconnected)) }
        default:
            for id in ids { reissue(id, Array(items)) }
        }
    }

    /// Uses this picture of the fleet from now on. Batches that nobody is left to take are published again, item by item,
    /// for the workers that are there. Call on the event loop.
    package func update(batchLanes lanes: BatchLanes) {
        eventLoop.preconditionInEventLoop()
        reportedBatchLanes = lanes
        guard mayPublishBatches, lanes != batchLanes else { return }
        batchLanes = lanes
        var abandoned: [String] = []
        collector.forEachOpen { id, waiter in
            let address = waiter.address
            if waiter.shared != nil, lanes.areAbandoned(bundle: address.bundle, pool: address.pool) {
                abandoned.append(id)
            }
        }
        for id in abandoned { reissue(id, collector.missingItems(of: id)) }
    }

    /// The broker reported something that no call of ours tells of.
    ///
    /// Where this account may not publish what messages with several items travel under, it drops them without another
    /// word. Then no more of them are made while this connection stands, and what went out in them goes out singly.
    func brokerReported(_ error: NATSError) {
        guard case .server(let text) = error, mayPublishBatches,
            text.contains("Permissions Violation for Publish to \"\(Subjects.batchPrefix)")
        else { return }
        mayPublishBatches = false
        batchLanes = BatchLanes()
        logger.warning(
            "the broker lets this account not publish messages with several items: each item has its own",
            metadata: ["subjects": "\(Subjects.batchPrefix)>", "error": "\(text)"])
        var dropped: [String] = []
        collector.forEachOpen { id, waiter in
            if waiter.shared != nil { dropped.append(id) }
        }
        for id in dropped { reissue(id, collector.missingItems(of: id)) }
    }

    /// A new connection: the account may be allowed by now what it was not before.
    func forgetPermissions() {
        mayPublishBatches = true
        update(batchLanes: reportedBatchLanes)
    }

    /// Publishes items singly that went out with others. Should the others' message be taken after all, its results and
    /// theirs fill the same slots, once.
    private func reissue(_ id: String, _ items: [Int]) {
        var open: Waiter?
        collector.withWaiter(of: id) { open = $0 }
        guard let waiter = open, let shared = waiter.shared else { return }
        let missing = Set(collector.missingItems(of: id)).intersection(items).sorted()
        guard !missing.isEmpty else { return }
        metrics.itemsReissued.increment(by: UInt64(missing.count))
        logger.info(
            "items published again by themselves", metadata: ["request_id": "\(id)", "items": "\(missing.count)"])
        let refusal: PublishRefusal?
        switch shared {
        case .item(let item): refusal = publish(item, index: 0, of: id, to: waiter.address)
        case .parts(let queued):
            let writer = encoder.writer(for: queued)
            refusal = queued.request.bytes.withUnsafeReadableBytes { bytes in
                publish(items: missing, of: queued, from: bytes, with: writer)
            }
        }
        if let refusal { end(id, .refused(refusal)) }
    }
}
