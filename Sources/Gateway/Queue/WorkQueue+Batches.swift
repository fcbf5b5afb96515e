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
        let takers = batchLanes.takers(bundle: queued.route.bundle, pool: queued.route.pool)
        guard takers > 0 else { return nil }
        let limit = connection.serverInfo?.maxPayloadBytes ?? WorkStreamSettings.usualPayloadLimitBytes
        let parts = BatchPlan.parts(
            itemCount: count, workers: takers, maximumBytes: min(BatchPlan.maximumBytes, limit / 2)
        ) { index in
            queued.payloadKeys[index]?.utf8.count ?? request.items[index].count
        }
        return parts.count == count ? nil : parts
    }

    /// Publishes a part of a request as one message. Where that is refused, its items go out one by one, as they would
    /// have without batches.
    func publish(
        batch part: Range<Int>, of queued: QueuedRequest, from bytes: UnsafeRawBufferPointer,
        with writer: WorkItemWriter, to address: WorkAddress
    ) -> PublishRefusal? {
        encoder.encode(queued, batch: part, of: bytes, with: writer)
        let message = encoder.item
        do throws(NATSError) {
            try jetStream.publish(
                address.batchSubject, sizeHint: message.count, write: { $0.writeBytes(message) },
                onAck: { [self, id = queued.id] result in
                    if case .failure(let error) = result { batchNotAcknowledged(id, part, error) }
                })
        } catch .maxPayloadExceeded {
            return publish(items: part, of: queued, from: bytes, with: writer, to: address)
        } catch {
            return PublishRefusal(error)
        }
        metrics.batchesPublished.increment()
        let pool = queued.route.pool
        let mean = itemsPerBatch[pool] ?? Double(part.count)
        itemsPerBatch[pool] = mean + (Double(part.count) - mean) / 16
        return nil
    }

    private func batchNotAcknowledged(_ id: String, _ part: Range<Int>, _ error: NATSError) {
        metrics.ackFailures.increment()
        logger.warning("batch not acknowledged", metadata: ["request_id": "\(id)", "error": "\(error)"])
        switch error {
        case .timeout: return  // It may be stored all the same; the request's own deadline decides.
        case .disconnected, .notConnected, .closed, .draining: end(id, .refused(.queueDisconnected))
        default: reissue(id, Array(part))
        }
    }

    /// Uses this picture of the fleet from now on. Batches that nobody is left to take are published again, item by item,
    /// for the workers that are there. Call on the event loop.
    package func update(batchLanes lanes: BatchLanes) {
        eventLoop.preconditionInEventLoop()
        guard lanes != batchLanes else { return }
        batchLanes = lanes
        var abandoned: [String] = []
        collector.forEachOpen { id, waiter in
            guard let route = waiter.batched?.route, lanes.areAbandoned(bundle: route.bundle, pool: route.pool) else {
                return
            }
            abandoned.append(id)
        }
        for id in abandoned { reissue(id, collector.missingItems(of: id)) }
    }

    /// Publishes items singly that were part of a batch. Should the batch be taken after all, its results and theirs fill
    /// the same slots, once.
    private func reissue(_ id: String, _ items: [Int]) {
        var batched: QueuedRequest?
        collector.withWaiter(of: id) { batched = $0.batched }
        guard let queued = batched else { return }
        let missing = Set(collector.missingItems(of: id)).intersection(items).sorted()
        metrics.itemsReissued.increment(by: UInt64(missing.count))
        logger.info(
            "batch published again by the item", metadata: ["request_id": "\(id)", "items": "\(missing.count)"])
        let address = address(of: queued)
        let writer = encoder.writer(for: queued, at: address)
        let refusal = queued.request.bytes.withUnsafeReadableBytes { bytes in
            publish(items: missing, of: queued, from: bytes, with: writer, to: address)
        }
        if let refusal { end(id, .refused(refusal)) }
    }
}
