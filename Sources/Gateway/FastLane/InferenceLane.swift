import Catalog
import FoundationEssentials
import HTTPService
import Logging
import NIOCore
import NIOHTTP1
import Observability
import Wire

/// The inference routes, from request head to answer, in front of the router.
///
/// The body is looked at on the connection's event loop; routing and the queue live on the queue's loop; the answer is
/// put together on the connection's loop again. With one event loop all three are the same and nothing hops.
package final class InferenceLane: FastLane, @unchecked Sendable {
    package struct Configuration: Sendable {
        package var configuredMachineProfiles: [String] = []
        package var requestTimeoutSeconds = 30.0
        /// Items accepted in one request.
        package var maximumItems = 50_000
        /// Bytes accepted in one body.
        package var bodyLimitBytes = 256 << 20
        /// How long requests wait for capacity that do not say how long.
        package var defaultWait = TimeAmount.zero
        /// The longest that a request may wait for capacity.
        package var maximumWait = TimeAmount.minutes(10)

        package init() {}
    }

    /// Decides from a head whether a request may go on; a reply is the answer to one that may not.
    package typealias Authorize = @Sendable (RequestHead) -> HTTPReply?
    /// What the caller of a request may do; nil for no limits.
    package typealias Identify = @Sendable (RequestHead) -> TokenGrant?
    /// What answers an embeddings request for a model that this cluster does not have; nil for nobody.
    package typealias Elsewhere = @Sendable (FastLaneRequest, _ model: String) -> (@Sendable () -> Void)?
    /// Told of every answer, on the connection's event loop.
    package typealias Observe = @Sendable (AnsweredCall) -> Void

    let configuration: Configuration
    private let parser: RequestParser
    let queue: WorkQueue?
    let eventLoop: any EventLoop
    let metrics: InferenceMetrics
    let logger: Logger
    private let authorize: Authorize?
    private let identify: Identify?
    private let limits: RateLimits
    private let elsewhere: Elsewhere
    let observe: Observe?
    /// Nil where loops without work sleep.
    private let busyPolls: BusyPolls?

    // What follows is read and written on `eventLoop` only; that is what makes this class safe to send.
    var router: RequestRouter {
        didSet { served.removeAll() }
    }
    private var served = ServedRoutes()
    /// What the fleet reported last; the router follows, see `followFleet`.
    private var reportedLanes = LaneTable()
    private var willFollowFleet = false
    var demand: DemandGauge
    private var skew = SDKSkew()
    /// Looked at already: most requests come from one release.
    private var lastSDKHeader: String?
    var held = HeldRequests<HeldCall>()
    var heldExpiry: Scheduled<Void>?
    var isDraining = false
    private var random = BlockRandomness()
    private var series = AnswerSeries.Table()

    /// - Parameters:
    ///   - limits: what named tokens may ask for, here and elsewhere together.
    ///   - authorize: nil where everybody may do everything.
    ///   - identify: nil where nobody has limits.
    ///   - queue: nil where no NATS is configured; every request that gets that far is then refused.
    ///   - eventLoop: where routing happens: the queue's loop, or any where there is no queue.
    package init(
        configuration: Configuration, queue: WorkQueue?, eventLoop: any EventLoop, metrics: InferenceMetrics,
        logger: Logger,
        authorize: Authorize? = nil, identify: Identify? = nil,
        limits: RateLimits = RateLimits(),
        elsewhere: @escaping Elsewhere = { _, _ in nil },
        observe: Observe? = nil,
        busyPolls: BusyPolls? = nil
    ) {
        self.configuration = configuration
        parser = RequestParser(scanner: RequestScanner(maximumItems: configuration.maximumItems))
        self.queue = queue
        self.eventLoop = queue?.eventLoop ?? eventLoop
        self.metrics = metrics
        self.logger = logger
        self.authorize = authorize
        self.identify = identify
        self.limits = limits
        self.elsewhere = elsewhere
        self.observe = observe
        self.busyPolls = busyPolls
        router = RequestRouter(configuredMachineProfiles: configuration.configuredMachineProfiles)
        demand = DemandGauge(gauge: metrics.pendingDemand)
    }

    // MARK: Tables

    /// Routes by this catalogue from now on. From any thread.
    package func update(registry: Registry) {
        eventLoop.execute {
            self.router.registry = registry
            self.retryHeld()
        }
    }

    /// Routes to these lanes from now on, and ends the demand they meet. From any thread.
    package func update(lanes: LaneTable) {
        eventLoop.execute {
            self.reportedLanes = lanes
            self.followFleet()
        }
    }

    /// Keeps to these pools from now on. From any thread.
    package func update(pools: PoolRouting) {
        eventLoop.execute {
            self.router.pools = pools
            self.recordMissing()
            self.retryHeld()
        }
    }

    /// Pools that lack workers ask for them.
    private func recordMissing() {
        let configured = configuration.configuredMachineProfiles
        for var lane in router.pools.missing {
            lane.machineProfile =
                LaneSelection.resolve(profile: lane.machineProfile, configured: configured) ?? lane.machineProfile
            demand.record(lane, at: .now())
        }
    }

    /// How long after the queue has come back the workers may take to come back to it.
    private static let settlingTime = TimeAmount.seconds(5)

    /// Workers lose the queue when this gateway loses it, and then report that they take no work. That tells nothing
    /// about the fleet: the lanes stay, so that requests wait for the workers once the queue is back, and nobody is
    /// told that capacity is being provisioned.
    private func followFleet() {
        if reportedLanes.isEmpty, let queue, !queue.isConnected(for: Self.settlingTime) {
            guard !willFollowFleet else { return }
            willFollowFleet = true
            eventLoop.scheduleTask(in: Self.settlingTime) { [weak self] in
                self?.willFollowFleet = false
                self?.followFleet()
            }
            return
        }
        router.lanes = reportedLanes
        queue?.update(batchLanes: reportedLanes.batching)
        demand.clearMet(by: reportedLanes, outside: router.pools)
        retryHeld()
    }

    /// Ends demand that nobody renewed. From any thread; to be called now and then.
    package func expireDemand() {
        eventLoop.execute {
            self.recordMissing()
            // Who waits here still asks.
            for call in self.held.requests { self.demand.record(call.demand, at: .now()) }
            self.demand.expire(at: .now())
        }
    }

    /// What is asked for and not there. From any thread.
    package func pendingDemand() async -> [PendingDemand.Pending] {
        (try? await eventLoop.submit { self.demand.pending(at: .now()) }.get()) ?? []
    }

    // MARK: FastLane

    package func admit(_ head: RequestHead) -> FastLaneAdmission {
        guard let endpoint = InferenceEndpoint(head) else { return .pass }
        if let authorize, let refusal = authorize(head) {
            count(endpoint, status: refusal.status)
            return .refuse(refusal)
        }
        if case .operation(_, let model) = endpoint, model.isEmpty {
            count(endpoint, status: .notFound)
            return .refuse(HTTPReply(status: .notFound))
        }
        guard head.method == .POST else {
            count(endpoint, status: .methodNotAllowed)
            return .refuse(HTTPReply(status: .methodNotAllowed, headers: ["allow": "POST"]))
        }
        return .take(bodyLimitBytes: configuration.bodyLimitBytes)
    }

    package func replyToOversizedBody(of head: RequestHead, limitBytes: Int) -> HTTPReply? {
        let endpoint = InferenceEndpoint(head)
        let answer = ErrorAnswer.bodyTooLarge(limit: limitBytes)
            .answer(as: endpoint == .embeddings ? .openAI(.float) : .json)
        if let endpoint { count(endpoint, status: answer.status) }
        metrics.rejectedRequests.with("unknown", "", RejectionReason.bodyTooLarge.rawValue).increment()
        return HTTPReply(answer)
    }

    package func handle(_ request: FastLaneRequest) {
        guard let endpoint = InferenceEndpoint(request.head) else {
            return request.exchange.respond(HTTPReply(status: .notFound))
        }
        let call = InferenceCall(endpoint: endpoint, request: request, grant: identify.flatMap { $0(request.head) })
        let body = InferenceBody(request.body, of: call, parser: parser)
        let elsewhere = endpoint == .embeddings ? body.model.flatMap { self.elsewhere(request, $0) } : nil
        busyPolls?.requestCame(on: call.exchange.eventLoop)
        if eventLoop.inEventLoop {
            resolve(call, body, elsewhere: elsewhere)
        } else {
            eventLoop.execute {
                self.busyPolls?.requestCame(on: self.eventLoop)
                self.resolve(call, body, elsewhere: elsewhere)
            }
        }
    }

    // MARK: Routing

    private func resolve(_ call: InferenceCall, _ body: InferenceBody, elsewhere: (() -> Void)?) {
        if let elsewhere, let model = body.model, router.registry.model(named: model) == nil { return elsewhere() }
        noteSDK(of: call)
        if call.endpoint == .embeddings, case .failure(let error) = body.request {
            return refuse(call, error, route: nil)
        }
        // Whoever has limits, would rather wait, or wants another width, is looked at more closely.
        if call.grant == nil, body.numbers.dimensions == nil, let served = served[ServedRoutes.Key(call, body)],
            served.route.poolIsServed || longestWait(of: call) == .zero
        {
            return submit(call, body, to: served)
        }
        let path: ModelPath
        do throws(ModelPath.Rejection) {
            path = try call.modelPath(body)
        } catch {
            return refuse(call, ErrorAnswer(error), route: nil)
        }
        if let dimensions = body.numbers.dimensions, let config = router.registry.model(named: path.modelID),
            config.dimensions["dense"] != dimensions, !config.matryoshkaDimensions.contains(dimensions)
        {
            return refuse(call, .unsupportedDimensions(dimensions, config), route: nil)
        }
        if let grant = call.grant {
            let items = (try? body.request.get())?.items.count ?? 1
            if let refusal = limits.refusal(of: grant, items: max(1, items)) {
                return refuse(call, refusal, route: nil)
            }
        }
        route(call, body, path: path, mayWait: true)
    }

    private func noteSDK(of call: InferenceCall) {
        guard let header = call.sdkHeader, header != lastSDKHeader else { return }
        lastSDKHeader = header
        guard let sdk = call.sdk, skew.isNews(sdk) else { return }
        logger.warning(
            "client SDK version skew detected (>1 minor version difference)",
            metadata: ["client": "\(sdk.major).\(sdk.minor)", "gateway": "\(ProductVersion.current)"])
    }

    func route(_ call: InferenceCall, _ body: InferenceBody, path: ModelPath, mayWait: Bool) {
        let selection = call.selection
        // Before routing: who may not use a pool must not raise demand for it.
        if let grant = call.grant, let pool = selection.pool, !grant.allows(pool: pool) {
            return refuse(call, .poolForbidden(pool, name: grant.name), route: nil)
        }
        switch router.route(path, selection, for: call.endpoint.operation) {
        case .success(let route) where selection.pool == nil && call.grant?.allows(pool: route.pool) == false:
            refuse(call, .poolForbidden(route.pool, name: call.grant?.name ?? ""), route: route)
        case .success(let route):
            if let unmet = route.unmetDemand { demand.record(unmet, at: .now()) }
            let lane = PendingDemand.Lane(machineProfile: route.machineProfile, bundle: route.bundle)
            if mayWait, !route.poolIsServed, hold(call, body, path: path, demand: lane) { return }
            submit(call, body, to: serve(call, body, path: path, route: route))
        case .failure(.provisioning) where queue?.isConnected != true:
            // A worker could not be given the work either.
            refuse(call, ErrorAnswer(queue == nil ? .queueNotConfigured : .queueDisconnected), route: nil)
        case .failure(let refusal):
            guard case .provisioning(let profile, _, let lane) = refusal else {
                return refuse(call, ErrorAnswer(refusal), route: nil)
            }
            demand.record(lane, at: .now())
            if mayWait, hold(call, body, path: path, demand: lane) { return }
            let label = demand.label(profile)
            metrics.provisioningResponses.with(profile.isEmpty ? "any" : label).increment()
            let answer = ErrorAnswer(refusal).provisioningAnswer(sdk: call.sdk, as: call.format)
            respond(call, answer, machineProfile: label)
        }
    }

    /// What requests like this one have in common. It is kept where nothing but a change of the tables could make the
    /// next one go another way: demand that is not met has to be told of each time.
    private func serve(_ call: InferenceCall, _ body: InferenceBody, path: ModelPath, route: Route) -> ServedRoute {
        let operation = call.endpoint.operation
        let made = ServedRoute(
            model: path.modelID, route: route, address: queue?.address(of: route, operation: operation),
            series: series.series(
                endpoint: call.endpoint.label, machineProfile: demand.label(route.machineProfile), of: metrics))
        if route.unmetDemand == nil { served.keep(made, for: ServedRoutes.Key(call, body)) }
        return made
    }

    private func submit(_ call: InferenceCall, _ body: InferenceBody, to served: ServedRoute) {
        guard let queue, let address = served.address else {
            return refuse(call, ErrorAnswer(.queueNotConfigured), route: served.route)
        }
        var request: InferenceRequest
        switch body.request {
        case .success(let parsed): request = parsed
        case .failure(let error): return refuse(call, error, route: served.route)
        }
        let profile = address.route.profileID
        if profile != "default" { request.parameters.setOption("profile", to: profile) }
        let now = Date().timeIntervalSince1970
        let id = RequestID.make(milliseconds: UInt64(now * 1000), using: &random)
        let queued = QueuedRequest(
            id: id, request: request, address: address, timestamp: now, traceParent: call.trace?.header)
        let numbers = body.numbers
        // The body itself is not kept, unless it went out in batches: its memory serves the connection's next read.
        queue.submit(queued) { [self] answer in
            if call.exchange.eventLoop.inEventLoop {
                finish(call, numbers, answer, id: id, served: served)
            } else {
                call.exchange.eventLoop.execute { self.finish(call, numbers, answer, id: id, served: served) }
            }
        }
        call.exchange.onDisconnect {
            if queue.eventLoop.inEventLoop {
                queue.abandon(id)
            } else {
                queue.eventLoop.execute { queue.abandon(id) }
            }
        }
    }
}
