import Logging
import ServiceLifecycle
import Synchronization

/// Keeps a copy of a collection and tells what changes in it: a service that runs until it is cancelled.
///
/// Events come one after the other; the next one waits until the handler has returned, and the connection to the server
/// pauses with it.
public final class Informer<Object: KubernetesObject>: Service {
    public struct Options: Sendable {
        public var selection = Selection()
        /// Objects in a page of a list.
        public var pageSize = 500
        /// Whether to be told by a watch what is there, where the server can do so (1.27 with the feature, 1.32 without a
        /// word), rather than by a list: less memory on both sides, and one request that older servers refuse.
        public var streamsInitialList = false
        public var backoff = Backoff()
        /// How long a watch may be silent before its connection counts as dead.
        public var longestSilence = Duration.seconds(150)
        /// Told of each list and watch that is begun again, and why.
        public var onRestart: (@Sendable (InformerRestart) -> Void)?

        public init(selection: Selection = Selection()) {
            self.selection = selection
        }
    }

    private struct State: Sendable {
        var store = InformerStore<Object>()
        var isSynced = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter = 0
        var failure: String?
    }

    private let resources: Resources<Object>
    private let options: Options
    private let logger: Logger
    private let handler: @Sendable (InformerEvent<Object>) async -> Void
    private let state = Mutex(State())
    private let start = ContinuousClock.now

    /// - Parameter handler: told of every change, in order.
    public init(
        _ resources: Resources<Object>, options: Options = Options(), logger: Logger,
        handler: @escaping @Sendable (InformerEvent<Object>) async -> Void = { _ in }
    ) {
        self.resources = resources
        self.options = options
        self.logger = logger
        self.handler = handler
    }

    // MARK: What is known

    /// All objects. Whoever keeps the dictionary makes the next change copy it.
    public var objects: [ObjectKey: Object] { state.withLock { $0.store.objects } }

    public subscript(key: ObjectKey) -> Object? { state.withLock { $0.store.objects[key] } }

    /// Whether the first list has been told whole.
    public var isSynced: Bool { state.withLock { $0.isSynced } }

    /// Why the copy may be behind; nil while the watch works.
    public var failure: String? { state.withLock { $0.failure } }

    /// Returns when the first list has been told whole, or the task is cancelled.
    public func waitUntilSynced() async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isSynced || Task.isCancelled { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    // MARK: Running

    /// Lists and watches until the task is cancelled or the service group shuts down.
    public func run() async {
        await cancelWhenGracefulShutdown { await self.keepUp() }
    }

    private var now: Duration { start.duration(to: .now) }

    private func keepUp() async {
        var reflector = Reflector(
            pageSize: options.pageSize, streams: options.streamsInitialList, backoff: options.backoff)
        var generator = SystemRandomNumberGenerator()
        var pages = ObjectList<Object>()
        var action = reflector.proceed(now: now, using: &generator)
        while !Task.isCancelled {
            switch action {
            case .list(let version, let limit, let page):
                if page == nil { pages = ObjectList() }
                action = await list(
                    ListOptions(
                        selection: options.selection, limit: limit, continue: page, resourceVersion: version),
                    into: &pages, &reflector)
            case .replace:
                await replace(with: pages)
                pages = ObjectList()
                action = reflector.proceed(now: now, using: &generator)
            case .stream(let timeout):
                action = await stream(timeout, &reflector)
            case .watch(let version, let timeout):
                action = await watch(version, timeout, &reflector)
            case .wait(let duration):
                guard (try? await Task.sleep(for: duration)) != nil else { return }
                action = reflector.proceed(now: now, using: &generator)
            }
        }
    }

    private func list(
        _ listOptions: ListOptions, into pages: inout ObjectList<Object>, _ reflector: inout Reflector
    ) async -> Reflector.Action {
        var generator = SystemRandomNumberGenerator()
        do throws(KubernetesError) {
            let page = try await resources.list(listOptions)
            pages.append(page)
            return reflector.listed(
                resourceVersion: page.metadata.resourceVersion, nextPage: page.nextPage, now: now, using: &generator)
        } catch {
            failed(.list, error.isExpired, "\(error)", error.isCancellation)
            return reflector.listFailed(.init(error), now: now, using: &generator)
        }
    }

    private func replace(with list: ObjectList<Object>) async {
        for object in list.unreadable { warn(object) }
        let events = state.withLock { $0.store.replace(with: list.items) }
        for event in events { await handler(event) }
        let (isFirst, waiters) = state.withLock { state in
            state.failure = nil
            defer {
                state.isSynced = true
                state.waiters = [:]
            }
            return (!state.isSynced, state.waiters.values)
        }
        if isFirst { await handler(.synced) }
        for waiter in waiters { waiter.resume() }
    }

    private func watch(
        _ version: String, _ timeout: Duration, _ reflector: inout Reflector
    ) async -> Reflector.Action {
        var generator = SystemRandomNumberGenerator()
        let watchOptions = WatchOptions(
            selection: options.selection, resourceVersion: version, timeout: timeout,
            longestSilence: options.longestSilence)
        do throws(KubernetesError) {
            var events = try await resources.watch(watchOptions).makeAsyncIterator()
            state.withLock { $0.failure = nil }
            return try await follow(&events, &reflector)
        } catch {
            failed(.watch, error.isExpired, "\(error)", error.isCancellation)
            return reflector.watchFailed(.init(error), now: now, using: &generator)
        }
    }

    /// Takes events until the watch ends.
    private func follow(
        _ events: inout WatchStream<Object>.AsyncIterator, _ reflector: inout Reflector
    ) async throws(KubernetesError) -> Reflector.Action {
        var generator = SystemRandomNumberGenerator()
        while let event = try await events.next() {
            if case .failed(let status) = event {
                failed(.watch, status.reason == .expired, "\(status)", false)
                return reflector.watchFailed(.init(status), now: now, using: &generator)
            }
            await take(event)
            reflector.received(resourceVersion: event.resourceVersion)
        }
        return reflector.watchEnded(now: now, using: &generator)
    }

    /// Takes what is there from a watch, and then its events.
    private func stream(_ timeout: Duration, _ reflector: inout Reflector) async -> Reflector.Action {
        var generator = SystemRandomNumberGenerator()
        let watchOptions = WatchOptions(
            selection: options.selection, resourceVersion: "", sendsInitialEvents: true, timeout: timeout,
            longestSilence: options.longestSilence)
        var isToldWhole = false
        do throws(KubernetesError) {
            var events = try await resources.watch(watchOptions).makeAsyncIterator()
            var initial = InformerStore<Object>()
            while let event = try await events.next() {
                switch event {
                case .initialEventsEnd(let version):
                    isToldWhole = true
                    var list = ObjectList<Object>()
                    list.items = Array(initial.objects.values)
                    await replace(with: list)
                    reflector.streamed(resourceVersion: version)
                    return try await follow(&events, &reflector)
                case .failed(let status):
                    failed(.list, status.reason == .expired, "\(status)", false)
                    return reflector.watchFailed(.init(status), now: now, using: &generator)
                case .unreadable(let object): warn(object)
                default: break
                }
                _ = initial.apply(event)
            }
            // A server that does not know the question may answer another one.
            return reflector.streamRefused()
        } catch {
            let reason = error.status?.reason
            if !isToldWhole, reason == .badRequest || reason == .invalid { return reflector.streamRefused() }
            failed(isToldWhole ? .watch : .list, error.isExpired, "\(error)", error.isCancellation)
            return reflector.watchFailed(.init(error), now: now, using: &generator)
        }
    }

    private func take(_ event: WatchEvent<Object>) async {
        if case .unreadable(let object) = event { warn(object) }
        if let change = state.withLock({ $0.store.apply(event) }) { await handler(change) }
    }

    private func failed(_ step: InformerRestart.Step, _ isExpired: Bool, _ reason: String, _ isCancelled: Bool) {
        if isCancelled { return }
        state.withLock { $0.failure = reason }
        logger.log(
            level: isExpired ? .info : .warning, "The \(step) of \(resources.type) begins again",
            metadata: ["reason": .string(reason), "expired": .stringConvertible(isExpired)])
        options.onRestart?(InformerRestart(resource: resources.type, step: step, isExpired: isExpired, reason: reason))
    }

    private func warn(_ object: UnreadableObject) {
        logger.warning(
            "An object cannot be read and is left out",
            metadata: [
                "resource": .stringConvertible(resources.type), "namespace": .string(object.metadata.namespace ?? ""),
                "name": .string(object.metadata.name ?? ""), "reason": .string(object.reason),
            ])
    }
}

/// A list or a watch that has to begin again.
public struct InformerRestart: Sendable {
    public enum Step: String, Sendable {
        case list
        case watch
    }

    public var resource: ResourceType
    public var step: Step
    /// Whether the server forgot the version or page to go on from, which is no fault.
    public var isExpired: Bool
    public var reason: String
}
