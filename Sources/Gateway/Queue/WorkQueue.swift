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

    final class Waiter {
        let address: WorkAddress
        let series: QueueSeries
        var publishTime: TimeAmount = .zero
        var publishedAt: NIODeadline?
        /// Payloads to remove when the request has ended.
        var payloadKeys: [String] = []
        /// What was published in messages with several items; nil where nothing was.
        var shared: SharedWork?
        let complete: (QueueAnswer) -> Void

        init(address: WorkAddress, series: QueueSeries, complete: @escaping (QueueAnswer) -> Void) {
            self.address = address
            self.series = series
            self.complete = complete
        }
    }

    package let eventLoop: any EventLoop
    package let configuration: Configuration
    let connection: NATSConnection
    let jetStream: JetStream
    let metrics: InferenceMetrics
    let logger: Logger
    let payloads: (any PayloadStore)?
    let jobs: AsyncStream<Job>
    let start: AsyncStream<Job>.Continuation

    // What follows is read and written on `eventLoop` only; that is what makes this class safe to send.
    var collector = ResultCollector<Waiter>()
    var streams: WorkStreams<QueuedRequest>
    private var expiry: Scheduled<Void>?
    var encoder: WorkItemEncoder
    /// What came since the event loop last waited and goes out before it waits again.
    var turn = WorkTurn()
    /// Who takes several items in one message.
    var batchLanes = BatchLanes() {
        didSet { lastTakers = nil }
    }
    /// The same as the fleet reported it last, whether or not this gateway may publish such messages.
    var reportedBatchLanes = BatchLanes()
    var mayPublishBatches = true
    /// The workers that share the batches of the address asked about last: most requests go where the one before went.
    var lastTakers: (address: WorkAddress, count: Int)?
    /// What the broker takes in one message.
    private(set) var payloadLimitBytes = WorkStreamSettings.usualPayloadLimitBytes
    /// About how many items a batch of each pool has; only of pools that this gateway sent any.
    var itemsPerBatch: [String: Double] = [:]
    /// Looked up at the first request of an operation.
    private var series = QueueSeries.Table()
    private var isClosed = false
    /// The consumers of pools in use that no worker is known to serve.
    var unvouched: [String: String] = [:]
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
        encoder = WorkItemEncoder(routerID: configuration.routerID)
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
        let now = NIODeadline.now()
        collector.open(
            queued.id, itemCount: queued.request.workItemCount, deadline: now + configuration.requestTimeout,
            waiter: Waiter(
                address: queued.address, series: series.series(of: queued.request.operation, in: metrics),
                complete: complete))
        if expiry == nil { armExpiry() }
        admit(queued, at: now)
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

    func admit(_ queued: QueuedRequest, at now: NIODeadline) {
        let address = queued.address
        let pool = address.pool
        let consumer = address.route.poolIsServed ? nil : Subjects.workConsumer(bundle: address.bundle, pool: pool)
        if consumer != nil || !unvouched.isEmpty, consumer != unvouched[pool] { unvouched[pool] = consumer }
        let admission = streams.admit(
            pool: pool, itemCount: queued.request.workItemCount, at: now, parking: queued)
        switch admission {
        case .publish:
            let large = mayBeRefused(queued) && payloads != nil ? itemsTheBrokerRefuses(of: queued) : []
            if large.isEmpty { publish(queued, at: now) } else { start.yield(.storePayloads(queued, items: large)) }
        case .refused(let refusal): end(queued.id, .refused(refusal))
        case .parked(let lookUp):
            guard lookUp else { return }
            start.yield(
                .lookUp(LookUp(pool: pool, mayCreate: address.route.poolIsServed, consumer: consumer)))
        }
    }

    /// - Parameter start: when it was ready to be published.
    func publish(_ queued: QueuedRequest, at start: NIODeadline) {
        if mayShareMessage(queued) { return takeIntoTurn(queued, at: start) }
        let writer = encoder.writer(for: queued)
        let count = queued.request.workItemCount
        let batches = batches(of: queued)
        if batches != nil { collector.withWaiter(of: queued.id) { $0.shared = .parts(queued) } }
        let refusal = queued.request.bytes.withUnsafeReadableBytes { bytes -> PublishRefusal? in
            guard let batches else {
                return publish(items: 0..<count, of: queued, from: bytes, with: writer)
            }
            for part in batches {
                let refusal =
                    part.count == 1
                    ? publish(items: part, of: queued, from: bytes, with: writer)
                    : publish(batch: part, of: queued, from: bytes, with: writer)
                if let refusal { return refusal }
            }
            return nil
        }
        if let refusal { return end(queued.id, .refused(refusal)) }
        published(queued.id, itemCount: count, since: start, at: .now())
    }

    /// All of a request is on its way.
    ///
    /// - Parameter shared: what of it went out in messages with several items, where that is known only now.
    func published(
        _ id: String, itemCount: Int, since start: NIODeadline, at now: NIODeadline, shared: SharedWork? = nil
    ) {
        collector.withWaiter(of: id) { waiter in
            waiter.series.publishSeconds.observe(now - start)
            waiter.series.itemsPublished.observe(Double(itemCount))
            waiter.publishTime = now - start
            waiter.publishedAt = now
            if let shared { waiter.shared = shared }
        }
    }

    /// How many bytes each work item of a request takes.
    func encodedSizes(of queued: QueuedRequest) -> [Int] {
        let writer = encoder.writer(for: queued)
        return queued.request.bytes.withUnsafeReadableBytes { bytes in
            (0..<queued.request.workItemCount).map { index in
                encoder.encode(queued, item: index, of: bytes, with: writer)
                return encoder.item.count
            }
        }
    }

    /// Where the items of a route go. Keep it for the next request like this one.
    package func address(of route: Route, operation: WorkItem.Operation) -> WorkAddress {
        WorkAddress(route, operation: operation, routerID: configuration.routerID)
    }

    /// Publishes items of a request as a message each.
    func publish(
        items: some Sequence<Int>, of queued: QueuedRequest, from bytes: UnsafeRawBufferPointer,
        with writer: WorkItemWriter
    ) -> PublishRefusal? {
        for index in items {
            encoder.encode(queued, item: index, of: bytes, with: writer)
            if let refusal = publish(encoder.item[...], index: index, of: queued.id, to: queued.address) {
                return refusal
            }
        }
        return nil
    }

    /// Publishes an encoded work item as a message of its own.
    func publish(
        _ item: ArraySlice<UInt8>, index: Int, of id: String, to address: WorkAddress
    ) -> PublishRefusal? {
        do throws(NATSError) {
            try jetStream.publish(
                address.subject, sizeHint: item.count, write: { $0.writeBytes(item) },
                // Every handler is called and forgotten at the latest when the connection ends.
                onAck: { [self] result in
                    if case .failure(let error) = result { notAcknowledged(id, pool: address.pool, error) }
                })
            return nil
        } catch {
            if case .maxPayloadExceeded(_, let limit) = error {
                return .itemTooLarge(itemIndex: index, bytes: item.count, maximumBytes: limit)
            }
            return PublishRefusal(error)
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

    func end(_ id: String, _ answer: QueueAnswer) {
        if let waiter = collector.remove(id) { finish(waiter, answer) }
    }

    private func finish(_ waiter: Waiter, _ answer: QueueAnswer) {
        removePayloads(of: waiter)
        waiter.complete(answer)
    }

    // MARK: Results

    private func receive(_ message: NATSMessage) {
        let failure = message.payload.withUnsafeReadableBytes { bytes -> MessagePackError? in
            do throws(MessagePackError) {
                if WorkResultBatch.isBatch(bytes) {
                    for result in try WorkResultBatch(decoding: bytes).results { receive(result) }
                } else {
                    receive(try WorkResult(decoding: bytes))
                }
                return nil
            } catch {
                return error
            }
        }
        guard let failure else { return }
        metrics.inboxSkips.increment()
        logger.warning("unreadable result", metadata: ["subject": "\(message.subject)", "error": "\(failure)"])
    }

    private func receive(_ result: WorkResult) {
        switch collector.receive(result) {
        case .incomplete: break
        case .dropped: metrics.inboxSkips.increment()
        case .complete(let waiter, let results): deliver(results, to: waiter)
        }
    }

    private func deliver(_ results: [WorkResult], to waiter: Waiter) {
        // A result may overtake the end of the publishing it belongs to only if someone forges it; then no time passed.
        let wait = waiter.publishedAt.map { NIODeadline.now() - $0 } ?? .zero
        waiter.series.resultWaitSeconds.observe(wait)
        streams.answered(pool: waiter.address.pool, itemCount: results.count)
        finish(waiter, .results(results, QueueTiming(publish: waiter.publishTime, wait: wait)))
    }

    private func armExpiry() {
        guard let next = collector.nextDeadline else {
            expiry = nil
            return
        }
        expiry = eventLoop.scheduleTask(deadline: next) { [self] in
            for waiter in collector.expire(at: .now()) { finish(waiter, .timedOut) }
            armExpiry()
        }
    }

    // MARK: Life

    /// Subscribes the inbox, looks streams up and samples them, until cancelled or shut down gracefully; then ends what
    /// is still open.
    package func run() async throws {
        let entrance = Entrance(self)
        connection.onStatusChange { entrance.queue?.statusChanged(to: $0) }
        connection.onError { entrance.queue?.brokerReported($0) }
        eventLoop.execute {
            guard self.connection.status == .connected else { return self.metrics.natsConnected.set(false) }
            self.statusChanged(to: .connected)
        }
        defer { eventLoop.execute { entrance.queue = nil } }
        try await connection.subscribe(Subjects.resultsFilter(router: configuration.routerID)) {
            entrance.queue?.receive($0)
        }
        // In a task of its own, which nobody cancels: the jobs end when the queue is closed, and not before, for a stream
        // whose reader is cancelled loses what is put in afterwards.
        let work = Task { await self.performJobs() }
        await cancelWhenGracefulShutdown { await self.sampleStreams() }
        try? await eventLoop.submit { self.close() }.get()
        await work.value
    }

    /// What the connection, which the queue holds on to, knows of the queue while that runs. Weak references would do the
    /// same, and make every other reference to the queue dearer, of which each request takes several.
    ///
    /// `@unchecked Sendable`: read and written on the event loop only.
    private final class Entrance: @unchecked Sendable {
        var queue: WorkQueue?

        init(_ queue: WorkQueue) { self.queue = queue }
    }

    private func statusChanged(to status: NATSStatus) {
        metrics.natsConnected.set(status == .connected)
        connectedSince = status == .connected ? connectedSince ?? .now() : nil
        if let limit = connection.serverInfo?.maxPayloadBytes { payloadLimitBytes = limit }
        if status == .connected { forgetPermissions() }
        guard status != .connected, status != .draining else { return }
        // Results of work in flight were on their way to a subscription that no longer exists.
        for queued in streams.disconnected() { end(queued.id, .refused(.queueDisconnected)) }
        let waiters = collector.removeAll()
        if !waiters.isEmpty {
            logger.warning("requests failed: NATS connection lost", metadata: ["requests": "\(waiters.count)"])
        }
        for waiter in waiters { finish(waiter, .refused(.queueDisconnected)) }
    }

    /// Ends what is open. The last jobs are those of removing its payloads.
    private func close() {
        isClosed = true
        expiry?.cancel()
        for waiter in collector.removeAll() { finish(waiter, .closed) }
        start.finish()
    }
}
