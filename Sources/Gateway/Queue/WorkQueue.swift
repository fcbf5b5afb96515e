import Logging
import MessagePack
import NATSClient
import NIOCore
import Observability
import ServiceLifecycle
import Wire

/// The gateway's end of the work queue: publishes work items to JetStream and gathers their results from one inbox.
///
/// It lives on the event loop of its NATS connection. With one event loop for HTTP and NATS, a request passes through
/// here without changing threads: its items are written straight into the connection's send buffer, and a result is
/// handed over from the read that brought it.
package final class WorkQueue: Service, @unchecked Sendable {
    package struct Configuration: Sendable {
        /// Names this gateway in inbox subjects; unique per process.
        package var routerID: String
        package var requestTimeout: TimeAmount
        /// Stored messages of a stream above which requests are refused.
        package var maximumPending: Int
        /// Time between two samples of the streams in use.
        package var sampleInterval: Duration = .milliseconds(250)

        package init(routerID: String, requestTimeout: TimeAmount, maximumPending: Int) {
            self.routerID = routerID
            self.requestTimeout = requestTimeout
            self.maximumPending = maximumPending
        }
    }

    private final class Waiter {
        let series: QueueSeries
        var publishTime: TimeAmount = .zero
        var publishedAt: NIODeadline?
        /// Payloads to remove when the request has ended.
        var payloadKeys: [String] = []
        let complete: (QueueAnswer) -> Void

        init(series: QueueSeries, complete: @escaping (QueueAnswer) -> Void) {
            self.series = series
            self.complete = complete
        }
    }

    private struct LookUp: Sendable {
        var pool: String
        var mayCreate: Bool
    }

    /// What takes longer than an event loop may be held up.
    private enum Job: Sendable {
        case lookUp(LookUp)
        /// Store the payloads of these work items, then publish.
        case storePayloads(QueuedRequest, items: [Int])
        case removePayloads([String])
    }

    package let eventLoop: any EventLoop
    package let configuration: Configuration
    private let connection: NATSConnection
    private let jetStream: JetStream
    private let metrics: InferenceMetrics
    private let logger: Logger
    private let payloads: (any PayloadStore)?
    private let jobs: AsyncStream<Job>
    private let start: AsyncStream<Job>.Continuation

    // What follows is read and written on `eventLoop` only; that is what makes this class safe to send.
    private var collector = ResultCollector<Waiter>()
    private var streams: WorkStreams<QueuedRequest>
    private var expiry: Scheduled<Void>?
    private var scratch = MessagePackWriter(capacity: 16 * 1024)
    /// Looked up at the first request of an operation.
    private var series: [WorkItem.Operation: QueueSeries] = [:]
    private var isClosed = false
    /// When the connection that stands now was made; nil while there is none.
    private var connectedSince: NIODeadline?

    /// - Parameter payloads: takes what the broker does not; nil where such items are refused.
    package init(
        connection: NATSConnection, configuration: Configuration, payloads: (any PayloadStore)? = nil,
        metrics: InferenceMetrics, logger: Logger
    ) {
        eventLoop = connection.eventLoop
        self.configuration = configuration
        self.connection = connection
        jetStream = connection.jetStream
        self.payloads = payloads
        self.metrics = metrics
        self.logger = logger
        streams = WorkStreams(maximumPending: configuration.maximumPending)
        (jobs, start) = AsyncStream.makeStream()
    }

    // MARK: Requests

    /// Puts a request on the queue. `complete` is called exactly once, on the event loop, possibly before this returns;
    /// never after `abandon`. Call on the event loop.
    package func submit(_ queued: QueuedRequest, complete: @escaping (QueueAnswer) -> Void) {
        eventLoop.preconditionInEventLoop()
        guard !isClosed else { return complete(.closed) }
        guard connection.status == .connected else { return complete(.refused(.queueDisconnected)) }
        collector.open(
            queued.id, itemCount: queued.request.workItemCount, deadline: .now() + configuration.requestTimeout,
            waiter: Waiter(series: series(of: queued.request.operation), complete: complete))
        if expiry == nil { armExpiry() }
        admit(queued)
    }

    /// Whether work can be published now.
    package var isConnected: Bool { connection.status == .connected }

    /// Whether the connection has stood for `duration`. Call on the event loop.
    package func isConnected(for duration: TimeAmount) -> Bool {
        guard isConnected, let connectedSince else { return false }
        return .now() - connectedSince >= duration
    }

    /// Forgets a request whose caller hung up. Its work may still be done; the results are dropped. Call on the event
    /// loop.
    package func abandon(_ id: String) {
        eventLoop.preconditionInEventLoop()
        if let waiter = collector.remove(id) { removePayloads(of: waiter) }
    }

    private func series(of operation: WorkItem.Operation) -> QueueSeries {
        if let known = series[operation] { return known }
        let made = QueueSeries(operation, of: metrics)
        series[operation] = made
        return made
    }

    private func admit(_ queued: QueuedRequest) {
        let admission = streams.admit(
            pool: queued.route.pool, itemCount: queued.request.workItemCount, at: .now(), parking: queued)
        switch admission {
        case .publish:
            let large = payloads == nil ? [] : itemsTheBrokerRefuses(of: queued)
            if large.isEmpty { publish(queued) } else { start.yield(.storePayloads(queued, items: large)) }
        case .refused(let refusal): end(queued.id, .refused(refusal))
        case .parked(let lookUp):
            guard lookUp else { return }
            start.yield(.lookUp(LookUp(pool: queued.route.pool, mayCreate: queued.route.poolIsServed)))
        }
    }

    private func publish(_ queued: QueuedRequest) {
        let start = NIODeadline.now()
        let writer = WorkItemWriter(sharedFields(of: queued))
        let subject = Subjects.work(model: queued.route.modelID, pool: queued.route.pool)
        let refusal = queued.request.bytes.withUnsafeReadableBytes { bytes -> PublishRefusal? in
            for index in 0..<queued.request.workItemCount {
                write(queued, item: index, of: bytes, with: writer)
                if let refusal = publish(scratch.bytes, index: index, to: subject, of: queued) { return refusal }
            }
            return nil
        }
        if let refusal { return end(queued.id, .refused(refusal)) }
        let now = NIODeadline.now()
        collector.withWaiter(of: queued.id) { waiter in
            waiter.series.publishSeconds.observe(Duration.nanoseconds((now - start).nanoseconds))
            waiter.series.itemsPublished.observe(Double(queued.request.workItemCount))
            waiter.publishTime = now - start
            waiter.publishedAt = now
        }
    }

    private func sharedFields(of queued: QueuedRequest) -> WorkItem {
        var shared = WorkItem()
        shared.requestID = queued.id
        shared.totalItems = queued.request.workItemCount
        shared.operation = queued.request.operation.rawValue
        shared.modelID = queued.route.modelID
        shared.profileID = queued.route.profileID
        shared.pool = queued.route.pool
        shared.machineProfile = queued.route.machineProfile
        shared.outputTypes = queued.request.parameters.outputTypes
        shared.instruction = queued.request.parameters.instruction
        shared.isQuery = queued.request.parameters.isQuery
        shared.options = queued.request.parameters.options
        shared.labels = queued.request.parameters.labels
        shared.outputSchema = queued.request.parameters.outputSchema
        shared.bundleConfigHash = queued.route.bundleConfigHash
        shared.routerID = configuration.routerID
        shared.replySubject = Subjects.results(router: configuration.routerID, request: queued.id)
        shared.timestamp = queued.timestamp
        shared.traceParent = queued.traceParent
        return shared
    }

    /// Makes one work item in `scratch`.
    private func write(
        _ queued: QueuedRequest, item index: Int, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter
    ) {
        scratch.removeAll()
        if queued.request.operation == .score {
            if let key = queued.payloadKeys[index] {
                writer.write(.scoreReference(key), index: 0, to: &scratch)
            } else {
                writeScore(queued.request, of: bytes, with: writer)
            }
        } else if let key = queued.payloadKeys[index] {
            writer.write(.itemReference(key), index: index, to: &scratch)
        } else {
            let item = UnsafeRawBufferPointer(rebasing: bytes[queued.request.items[index]])
            writer.write(.item(item), index: index, to: &scratch)
        }
    }

    /// The one work item of a score request: its query (an empty map where the caller sent none) and its candidates.
    private func writeScore(_ request: InferenceRequest, of bytes: UnsafeRawBufferPointer, with writer: WorkItemWriter)
    {
        var items = MessagePackWriter()
        items.writeArrayHeader(request.items.count)
        for item in request.items { items.writeRaw(UnsafeRawBufferPointer(rebasing: bytes[item])) }
        let emptyMap: [UInt8] = [0x80]
        items.bytes.withUnsafeBytes { items in
            emptyMap.withUnsafeBytes { emptyMap in
                let query = request.query.map { UnsafeRawBufferPointer(rebasing: bytes[$0]) } ?? emptyMap
                writer.write(.score(query: query, items: items), index: 0, to: &scratch)
            }
        }
    }

    private func publish(_ item: [UInt8], index: Int, to subject: String, of queued: QueuedRequest) -> PublishRefusal? {
        do throws(NATSError) {
            try jetStream.publish(
                subject, sizeHint: item.count, write: { $0.writeBytes(item) },
                onAck: { [weak self, id = queued.id, pool = queued.route.pool] result in
                    if case .failure(let error) = result { self?.notAcknowledged(id, pool: pool, error) }
                })
            return nil
        } catch {
            switch error {
            case .pendingBufferFull: return .writeBufferFull
            case .maxPayloadExceeded(_, let limit):
                return .itemTooLarge(itemIndex: index, bytes: item.count, maximumBytes: limit)
            case .notConnected, .disconnected, .closed, .draining: return .queueDisconnected
            default: return .notAcknowledged(detail: error.description)
            }
        }
    }

    /// The broker refused a work item, or did not confirm it.
    private func notAcknowledged(_ id: String, pool: String, _ error: NATSError) {
        metrics.ackFailures.increment()
        logger.warning("work item not acknowledged", metadata: ["request_id": "\(id)", "error": "\(error)"])
        switch error {
        case .timeout:
            // It may be stored all the same; the request's own deadline decides.
            return
        case .noResponders:
            streams.lost(pool: pool)
            end(id, .refused(.notAcknowledged(detail: "stream \(Subjects.workStream(pool: pool)) is gone")))
        case .disconnected, .notConnected, .closed, .draining:
            end(id, .refused(.queueDisconnected))
        case .jetStream(let error):
            end(id, .refused(.notAcknowledged(detail: error.message)))
        default:
            end(id, .refused(.notAcknowledged(detail: error.description)))
        }
    }

    private func end(_ id: String, _ answer: QueueAnswer) {
        if let waiter = collector.remove(id) { finish(waiter, answer) }
    }

    private func finish(_ waiter: Waiter, _ answer: QueueAnswer) {
        removePayloads(of: waiter)
        waiter.complete(answer)
    }

    // MARK: Payloads

    /// The work items of a request that are larger than the broker takes in one message.
    private func itemsTheBrokerRefuses(of queued: QueuedRequest) -> [Int] {
        // A work item is at most its request's body and what the gateway adds to it.
        let headroom = 4096
        let limit = connection.serverInfo?.maxPayloadBytes ?? WorkStreamSettings.usualPayloadLimitBytes
        guard queued.request.bytes.readableBytes * 2 + headroom > limit else { return [] }
        let writer = WorkItemWriter(sharedFields(of: queued))
        return queued.request.bytes.withUnsafeReadableBytes { bytes in
            (0..<queued.request.workItemCount).filter { index in
                write(queued, item: index, of: bytes, with: writer)
                return scratch.count > limit
            }
        }
    }

    private func storePayloads(_ queued: QueuedRequest, items: [Int], in store: any PayloadStore) async {
        var queued = queued
        for index in items {
            let (key, payload) = Self.payload(index, of: queued)
            do throws(PayloadStoreError) {
                try await store.put(payload, key: key)
                queued.payloadKeys[index] = key
                metrics.payloadOffloads.increment()
            } catch {
                // Sent as it is, it will be refused for its size.
                logger.error("payload not stored", metadata: ["request_id": "\(queued.id)", "error": "\(error)"])
                break
            }
        }
        let stored = queued
        try? await eventLoop.submit {
            let keys = Array(stored.payloadKeys.values)
            guard self.collector.isOpen(stored.id) else { return self.removePayloads(keys) }
            self.collector.withWaiter(of: stored.id) { $0.payloadKeys = keys }
            self.publish(stored)
        }.get()
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

    private func removePayloads(of waiter: Waiter) {
        removePayloads(waiter.payloadKeys)
        waiter.payloadKeys = []
    }

    private func removePayloads(_ keys: [String]) {
        if !keys.isEmpty { start.yield(.removePayloads(keys)) }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .lookUp(let lookUp): await perform(lookUp)
        case .storePayloads(let queued, let items):
            if let payloads { await storePayloads(queued, items: items, in: payloads) }
        case .removePayloads(let keys):
            for key in keys {
                do throws(PayloadStoreError) {
                    try await payloads?.delete(key: key)
                } catch {
                    logger.warning("payload not removed", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    // MARK: Results

    private func receive(_ message: NATSMessage) {
        let decoded = message.payload.withUnsafeReadableBytes { bytes in
            do throws(MessagePackError) {
                return Result<WorkResult, MessagePackError>.success(try WorkResult(decoding: bytes))
            } catch {
                return .failure(error)
            }
        }
        switch decoded {
        case .failure(let error):
            metrics.inboxSkips.increment()
            logger.warning("unreadable result", metadata: ["subject": "\(message.subject)", "error": "\(error)"])
        case .success(let result):
            switch collector.receive(result) {
            case .incomplete: break
            case .dropped: metrics.inboxSkips.increment()
            case .complete(let waiter, let results): deliver(results, to: waiter)
            }
        }
    }

    private func deliver(_ results: [WorkResult], to waiter: Waiter) {
        // A result may overtake the end of the publishing it belongs to only if someone forges it; then no time passed.
        let wait = waiter.publishedAt.map { NIODeadline.now() - $0 } ?? .zero
        waiter.series.resultWaitSeconds.observe(Duration.nanoseconds(wait.nanoseconds))
        finish(waiter, .results(results, QueueTiming(publish: waiter.publishTime, wait: wait)))
    }

    private func armExpiry() {
        guard let next = collector.nextDeadline else {
            expiry = nil
            return
        }
        expiry = eventLoop.scheduleTask(deadline: next) { [weak self] in
            guard let self else { return }
            for waiter in collector.expire(at: .now()) { finish(waiter, .timedOut) }
            armExpiry()
        }
    }

    // MARK: Life

    /// Subscribes the inbox, looks streams up and samples them, until cancelled or shut down gracefully; then ends what
    /// is still open.
    package func run() async throws {
        connection.onStatusChange { [weak self] status in self?.statusChanged(to: status) }
        eventLoop.execute {
            guard self.connection.status == .connected else { return self.metrics.natsConnected.set(false) }
            self.statusChanged(to: .connected)
        }
        try await connection.subscribe(Subjects.resultsFilter(router: configuration.routerID)) { [weak self] message in
            self?.receive(message)
        }
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await self.sampleStreams() }
                for await job in self.jobs {
                    tasks.addTask { await self.perform(job) }
                }
                tasks.cancelAll()
            }
        }
        try? await eventLoop.submit { self.close() }.get()
        // What the last requests leave behind.
        start.finish()
        for await case .removePayloads(let keys) in jobs { await perform(.removePayloads(keys)) }
    }

    private func statusChanged(to status: NATSStatus) {
        metrics.natsConnected.set(status == .connected)
        connectedSince = status == .connected ? connectedSince ?? .now() : nil
        guard status != .connected, status != .draining else { return }
        // Results of work in flight were on their way to a subscription that no longer exists.
        for queued in streams.disconnected() { end(queued.id, .refused(.queueDisconnected)) }
        let waiters = collector.removeAll()
        if !waiters.isEmpty {
            logger.warning("requests failed: NATS connection lost", metadata: ["requests": "\(waiters.count)"])
        }
        for waiter in waiters { finish(waiter, .refused(.queueDisconnected)) }
    }

    private func close() {
        isClosed = true
        expiry?.cancel()
        for waiter in collector.removeAll() { finish(waiter, .closed) }
    }

    private func perform(_ lookUp: LookUp) async {
        let result = await sample(lookUp)
        try? await eventLoop.submit {
            for queued in self.streams.ensured(pool: lookUp.pool, result, at: .now()) {
                guard self.collector.isOpen(queued.id) else { continue }
                switch result {
                case .success: self.admit(queued)
                case .failure(let refusal): self.end(queued.id, .refused(refusal))
                }
            }
        }.get()
    }

    private func sample(_ lookUp: LookUp) async -> Result<WorkStreams<QueuedRequest>.Sample, PublishRefusal> {
        let settings = WorkStreamSettings.configuration(pool: lookUp.pool)
        do throws(NATSError) {
            let info =
                lookUp.mayCreate
                ? try await jetStream.ensureStream(settings) : try await jetStream.streamInfo(settings.name)
            return .success(.init(info.state))
        } catch {
            if case .jetStream(let error) = error, error.errorCode == JetStreamAPIError.streamNotFound {
                return .failure(.noConsumers)
            }
            return .failure(.streamUnavailable(stream: settings.name, detail: error.description))
        }
    }

    private func sampleStreams() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: configuration.sampleInterval)) != nil else { return }
            let pools = (try? await eventLoop.submit { self.streams.active(at: .now()) }.get()) ?? []
            for pool in pools where connection.status == .connected {
                do throws(NATSError) {
                    let sample = WorkStreams<QueuedRequest>.Sample(
                        try await jetStream.streamInfo(Subjects.workStream(pool: pool)).state)
                    eventLoop.execute { self.streams.sampled(pool: pool, sample) }
                } catch {
                    if case .jetStream(let error) = error, error.errorCode == JetStreamAPIError.streamNotFound {
                        eventLoop.execute { self.streams.lost(pool: pool) }
                    }
                }
            }
        }
    }
}

extension WorkStreams.Sample {
    init(_ state: StreamInfo.State) {
        self.init(messages: Int(clamping: state.messages), consumers: state.consumerCount)
    }
}
