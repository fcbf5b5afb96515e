import NATSClient
import NIOCore
import Observability
import Wire

/// Requests of one work item that come together leave together (docs/batched-items.md, "Coalesced requests").
extension WorkQueue {
    /// Whether a request's work item may travel with those of others: its lane takes that, and there is something to gain.
    func mayShareMessage(_ queued: QueuedRequest) -> Bool {
        queued.request.workItemCount == 1
            && queued.request.bytes.readableBytes <= WorkTurn.maximumBodyBytes
            && takers(of: queued.address) > 0
    }

    /// How many workers share the messages with several items that go to an address; 0 where nobody takes them.
    private func takers(of address: WorkAddress) -> Int {
        if let last = lastTakers, last.address === address { return last.count }
        let count = batchLanes.takers(bundle: address.bundle, pool: address.pool)
        lastTakers = (address, count)
        return count
    }

    /// Encodes a request's work item for the end of this turn: when the event loop has handled all that it has read, and
    /// before it writes anything to the broker.
    func takeIntoTurn(_ queued: QueuedRequest, at now: NIODeadline) {
        if turn.isEmpty { eventLoop.execute { self.endTurn() } }
        let writer = encoder.writer(for: queued)
        queued.request.bytes.withUnsafeReadableBytes { bytes in
            turn.append(requestID: queued.id, to: queued.address, bodyBytes: bytes.count, at: now) { output in
                WorkItemEncoder.append(queued, item: 0, of: bytes, with: writer, to: &output)
            }
        }
    }

    private func endTurn() {
        for lane in turn.end() { publish(lane) }
    }

    private func publish(_ lane: WorkTurn.Lane) {
        // Callers may have left, and the connection may be lost, since they came.
        let items = lane.items.filter { collector.isOpen($0.requestID) }
        let workers = takers(of: lane.address)
        var isKept = false
        for part in Self.parts(of: items, workers: workers, payloadLimitBytes: payloadLimitBytes) {
            if part.count > 1, publish(items[part], of: lane) {
                isKept = true
            } else {
                for item in items[part] { publishAlone(item, of: lane) }
            }
        }
        if !isKept { turn.reuse(lane) }
    }

    /// Which items share messages; each has its own where nobody takes several any more.
    private static func parts(of items: [WorkTurn.Item], workers: Int, payloadLimitBytes: Int) -> [Range<Int>] {
        guard workers > 0 else { return items.indices.map { $0..<$0 + 1 } }
        return BatchPlan.parts(
            itemCount: items.count, workers: workers,
            maximumBytes: min(BatchPlan.maximumBytes, payloadLimitBytes / 2)
        ) { items[$0].bytes.count }
    }

    private func publishAlone(_ item: WorkTurn.Item, of lane: WorkTurn.Lane) {
        if let refusal = publish(lane.bytes[item.bytes], index: 0, of: item.requestID, to: item.address) {
            return end(item.requestID, .refused(refusal))
        }
        published(item.requestID, itemCount: 1, since: item.takenAt, at: .now())
    }

    /// Publishes several items as one message.
    ///
    /// - Returns: false where that was refused for its size; nothing was done then.
    private func publish(_ items: ArraySlice<WorkTurn.Item>, of lane: WorkTurn.Lane) -> Bool {
        let header = CoalescedItems.header(itemCount: items.count)
        let bytes = lane.bytes
        do throws(NATSError) {
            try jetStream.publish(
                lane.address.batchSubject,
                sizeHint: items.reduce(header.count) { $0 + CoalescedItems.itemHeaderBytes + $1.bytes.count },
                write: { buffer in
                    buffer.writeBytes(header)
                    bytes.withUnsafeBytes { bytes in
                        for index in items.indices {
                            buffer.writeMultipleIntegers(
                                CoalescedItems.itemMarker, UInt32(truncatingIfNeeded: items[index].bytes.count))
                            buffer.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[items[index].bytes]))
                        }
                    }
                },
                onAck: { [self] result in
                    guard case .failure(let error) = result else { return }
                    notAcknowledged(items.map(\.requestID), items: 0..<1, error)
                })
        } catch .maxPayloadExceeded {
            return false
        } catch {
            for item in items { end(item.requestID, .refused(PublishRefusal(error))) }
            return true
        }
        publishedMessage(itemCount: items.count, pool: lane.address.pool)
        metrics.requestsCoalesced.increment(by: UInt64(items.count))
        let now = NIODeadline.now()
        for item in items {
            published(
                item.requestID, itemCount: 1, since: item.takenAt, at: now,
                shared: .item(bytes[item.bytes]))
        }
        return true
    }
}
