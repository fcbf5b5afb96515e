import MessagePack
import NATSClient
import NIOCore
import Synchronization
import Wire

extension TestWorker {
    /// The batches that came, in order.
    var batches: [WorkItemBatch] { seenBatches.withLock { $0 } }

    /// The items of each coalesced message that came, in order.
    var coalesced: [[WorkItem]] { seenCoalesced.withLock { $0 } }

    /// Makes the stream and the consumer of batches, and pulls them too.
    func takeBatches() async throws {
        var stream = StreamConfiguration(
            name: Subjects.batchStream(pool: pool), subjects: [Subjects.batchFilter(pool: pool)])
        stream.retention = .workQueue
        stream.storage = .memory
        try await connection.jetStream.ensureStream(stream)
        var durable = ConsumerConfiguration(
            durableName: "default_\(pool)", filterSubject: Subjects.batchFilter(pool: pool))
        durable.ackWait = .seconds(30)
        try await connection.jetStream.createConsumer(stream: stream.name, durable)
        let pulls = try await connection.jetStream.pull(stream: stream.name, consumer: "default_\(pool)") {
            [weak self] in self?.answer(batch: $0)
        }
        batchConsumer.withLock { $0 = pulls }
    }

    /// Tells the gateway what this worker, or another one of its lane, is and takes.
    func announce(_ capabilities: [String], name: String = "test-worker", ready: Bool = true) throws {
        var status = WorkerStatus()
        status.ready = ready
        status.name = name
        status.poolName = pool
        status.bundle = "default"
        status.capabilities = capabilities
        try connection.publish("sie.health.\(name)", payload: ByteBuffer(bytes: status.encodedJSON()))
    }

    private func answer(batch message: JetStreamMessage) {
        if let items = Self.coalescedItems(message.payload) {
            let behaviour = currentBehaviour
            seenCoalesced.withLock { $0.append(items) }
            try? message.ack()
            return answer(items, as: behaviour)
        }
        guard let batch = message.payload.withUnsafeReadableBytes({ try? WorkItemBatch(decoding: $0) }) else { return }
        let behaviour = currentBehaviour
        seenBatches.withLock { $0.append(batch) }
        try? message.ack()
        answer(batch, as: behaviour)
    }

    private static func coalescedItems(_ payload: ByteBuffer) -> [WorkItem]? {
        payload.withUnsafeReadableBytes { bytes in
            guard CoalescedItems.isCoalesced(bytes), let items = try? CoalescedItems.split(bytes) else { return nil }
            return items.compactMap { try? WorkItem(decoding: $0) }
        }
    }

    /// Answers the items of a coalesced message as told, again or for the first time, in one message.
    func answer(_ items: [WorkItem], as behaviour: Behaviour? = nil) {
        let behaviour = behaviour ?? currentBehaviour
        let results = items.compactMap { workResult(for: $0, as: behaviour) }
        guard !results.isEmpty, let reply = items.first?.replySubject else { return }
        var writer = MessagePackWriter()
        WorkResultBatch(results).write(to: &writer)
        send(writer.bytes, to: reply, as: behaviour)
    }

    /// Sends results of several requests to the inbox of the first that answer nothing of them.
    func lie(about items: [WorkItem]) {
        guard let reply = items.first?.replySubject else { return }
        func result(_ request: String, _ index: Int) -> WorkResult {
            WorkResult(
                workItemID: "", requestID: request, itemIndex: index, outcome: .success([0x80]), workerID: "liar")
        }
        var strangers = MessagePackWriter()
        WorkResultBatch(
            items.map { result($0.requestID, 1) } + [result("00000000-0000-7000-8000-000000000000", 0)]
        ).write(to: &strangers)
        send(strangers.bytes, to: reply)
        var whole = MessagePackWriter()
        WorkResultBatch(items.map { result($0.requestID, 0) }).write(to: &whole)
        // One that ends early, or says that it holds more, gives none of its results.
        send(Array(whole.bytes.dropLast()), to: reply)
        send(whole.bytes + [0], to: reply)
        send([0x92, 0xC1], to: reply)
        send(MessagePackWriter.encode(["liar", .array(items.map { [.string($0.requestID), 0] })]), to: reply)
    }

    /// Answers a batch as told, again or for the first time.
    func answer(_ batch: WorkItemBatch, as behaviour: Behaviour? = nil) {
        let behaviour = behaviour ?? currentBehaviour
        guard let reply = batch.shared.replySubject else { return }
        let results = batch.entries.compactMap { workResult(for: batch.workItem($0), as: behaviour) }
        guard !results.isEmpty else { return }
        var writer = MessagePackWriter()
        WorkResultBatch(results).write(to: &writer)
        send(writer.bytes, to: reply, as: behaviour)
    }

    /// Sends batches of results to an open request that answer nothing of it.
    func lie(about batch: WorkItemBatch) {
        guard let reply = batch.shared.replySubject else { return }
        func result(_ request: String, _ index: Int) -> WorkResult {
            WorkResult(
                workItemID: "", requestID: request, itemIndex: index, outcome: .success([0x80]), workerID: "liar")
        }
        let id = batch.shared.requestID
        for results in [
            [result("00000000-0000-7000-8000-000000000000", 0)], [result(id, 1_000_000), result(id, Int.max)],
            [],
        ] {
            var writer = MessagePackWriter()
            WorkResultBatch(results).write(to: &writer)
            send(writer.bytes, to: reply)
        }
        var whole = MessagePackWriter()
        WorkResultBatch([result(id, 0), result(id, 1)]).write(to: &whole)
        // A batch that ends early, or says that it holds more, gives none of its results.
        send(Array(whole.bytes.dropLast()), to: reply)
        send(whole.bytes + [0], to: reply)
        send([0x93, 0xC1], to: reply)
        send(MessagePackWriter.encode([.string(id), "liar", .int(7)]), to: reply)
    }
}
