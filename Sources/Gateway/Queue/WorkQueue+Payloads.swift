import Logging
import MessagePack
import NATSClient
import NIOCore
import Observability
import Wire

/// Items that the broker does not take are stored, and travel as references.
extension WorkQueue {
    /// Whether it is worth looking how long a request's work items are.
    func mayBeRefused(_ queued: QueuedRequest) -> Bool {
        // A work item is at most its request's body and what the gateway adds to it.
        let headroom = 4096
        return queued.request.bytes.readableBytes * 2 + headroom > payloadLimitBytes
    }

    /// The work items of a request that are larger than the broker takes in one message.
    func itemsTheBrokerRefuses(of queued: QueuedRequest) -> [Int] {
        let limit = payloadLimitBytes
        return encodedSizes(of: queued).enumerated().filter { $0.element > limit }.map(\.offset)
    }

    func storePayloads(_ queued: QueuedRequest, items: [Int], in store: any PayloadStore) async {
        var stored: [Int: String] = [:]
        for index in items {
            let (key, payload) = Self.payload(index, of: queued)
            do throws(PayloadStoreError) {
                try await store.put(payload, key: key)
                stored[index] = key
                metrics.payloadOffloads.increment()
            } catch {
                // Sent as it is, it will be refused for its size. It may be stored all the same.
                logger.error("payload not stored", metadata: ["request_id": "\(queued.id)", "error": "\(error)"])
                await removePayloadsNow([key])
                break
            }
        }
        let keys = Array(stored.values)
        let storing = queued.storing(stored)
        let isTaken = try? await eventLoop.submit {
            guard self.collector.isOpen(storing.id) else { return false }
            self.collector.withWaiter(of: storing.id) { $0.payloadKeys = keys }
            self.publish(storing, at: .now())
            return true
        }.get()
        // At once: a queue that is closed takes no more jobs.
        if isTaken != true { await removePayloadsNow(keys) }
    }

    private static func payload(_ index: Int, of queued: QueuedRequest) -> (key: String, bytes: [UInt8]) {
        let request = queued.request
        return request.bytes.withUnsafeReadableBytes { bytes in
            func slice(_ range: Range<Int>) -> UnsafeRawBufferPointer { .init(rebasing: bytes[range]) }
            guard request.operation == .score else {
                return (PayloadKey.item(index, of: queued.id), Array(slice(request.items[index])))
            }
            var writer = MessagePackWriter(capacity: request.bytes.readableBytes + 64)
            writer.writeMapHeader(2)
            writer.write("query" as StaticString)
            if let query = request.query { writer.writeRaw(slice(query)) } else { writer.writeMapHeader(0) }
            writer.write("items" as StaticString)
            writer.writeArrayHeader(request.items.count)
            for item in request.items { writer.writeRaw(slice(item)) }
            return (PayloadKey.score(of: queued.id), writer.bytes)
        }
    }

    func removePayloads(of waiter: Waiter) {
        removePayloads(waiter.payloadKeys)
        waiter.payloadKeys = []
    }

    private func removePayloads(_ keys: [String]) {
        if !keys.isEmpty { start.yield(.removePayloads(keys)) }
    }

    /// In a task of its own: a shutdown cancels the one that calls, and what was stored must not stay behind for that.
    func removePayloadsNow(_ keys: [String]) async {
        guard !keys.isEmpty else { return }
        await Task {
            for key in keys {
                do throws(PayloadStoreError) {
                    try await self.payloads?.delete(key: key)
                } catch {
                    self.logger.warning("payload not removed", metadata: ["error": "\(error)"])
                }
            }
        }.value
    }
}
