import FoundationEssentials
import HTTPService
import Logging
import NATSClient
import NIOCore
import ServiceLifecycle
import Synchronization
import Wire

/// Hears of the workers' health and keeps the picture that routing and the status routes read: over a WebSocket to each
/// known worker, or over NATS where workers announce themselves (gateway contract 4.10, 5.2, 5.3).
package final class FleetMonitor: Service {
    package enum Source: Sendable {
        /// A WebSocket to each of these base URLs, and to those that are discovered: each element names all of them.
        case webSocket(urls: [String], discovered: AsyncStream<Set<String>>? = nil)
        /// Status messages on `sie.health.>`.
        case nats(NATSConnection)
    }

    package struct Timing: Sendable {
        /// Time between looking for workers that fell silent.
        package var sweepInterval: Duration = .seconds(5)
        /// Wait before a lost worker is connected to again.
        package var reconnectDelay: Duration = .seconds(5)
        /// Wait while a worker has never been reached: it is probably starting.
        package var firstConnectDelay: Duration = .milliseconds(500)
        /// Silence after which a worker takes no work.
        package var heartbeatTimeout: Duration = .seconds(15)
        /// Silence after which a worker that only announces itself is forgotten.
        package var forgetAfter: Duration = .seconds(300)

        package init() {}
    }

    static let healthSubject = "sie.health.>"

    private struct State {
        var registry: WorkerRegistry
        /// Made when somebody asks, not at each of the many reports.
        var snapshot: WorkerSnapshot?
    }

    private let state: Mutex<State>
    private let source: Source
    private let timing: Timing
    private let group: any EventLoopGroup
    private let logger: Logger
    private let publish: @Sendable (LaneTable) -> Void

    /// - Parameter publish: called with the lanes of healthy workers after each change of them.
    package init(
        source: Source, timing: Timing = Timing(), group: any EventLoopGroup, logger: Logger,
        publish: @escaping @Sendable (LaneTable) -> Void
    ) {
        self.source = source
        self.timing = timing
        self.group = group
        self.logger = logger
        self.publish = publish
        var registry: WorkerRegistry
        switch source {
        case .webSocket(let urls, _):
            registry = WorkerRegistry(heartbeatTimeout: timing.heartbeatTimeout / .seconds(1))
            for url in urls { registry.add(url: url) }
        case .nats:
            registry = WorkerRegistry(
                heartbeatTimeout: timing.heartbeatTimeout / .seconds(1), forgetAfter: timing.forgetAfter / .seconds(1))
        }
        state = Mutex(State(registry: registry))
    }

    /// The fleet as last heard of.
    package var snapshot: WorkerSnapshot {
        state.withLock { state in
            if let snapshot = state.snapshot { return snapshot }
            let snapshot = WorkerSnapshot(state.registry.workers)
            state.snapshot = snapshot
            return snapshot
        }
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask { await self.sweep() }
                switch self.source {
                case .webSocket(let urls, let discovered):
                    for url in urls { tasks.addTask { await self.follow(Followed(url)) } }
                    if let discovered { tasks.addTask { await self.follow(discovered, besides: Set(urls)) } }
                case .nats(let connection):
                    tasks.addTask { await self.follow(connection) }
                }
            }
        }
    }

    // MARK: Events

    private func apply(_ event: (inout WorkerRegistry, Double) -> [WorkerRegistry.Change]) {
        let now = Self.now()
        let changes = state.withLock { state in
            let changes = event(&state.registry, now).filter { $0 != .none }
            guard !changes.isEmpty else { return changes }
            state.snapshot = nil
            // Under the lock, so that a later picture is never overtaken by an earlier one.
            if changes.contains(where: { $0 != .figures }) { publish(state.registry.lanes) }
            return changes
        }
        for change in changes {
            switch change {
            case .becameHealthy(let url): logger.info("worker healthy", metadata: ["worker": "\(url)"])
            case .stoppedServing(let url): logger.warning("worker takes no work", metadata: ["worker": "\(url)"])
            case .none, .figures, .description: break
            }
        }
    }

    private func sweep() async {
        while (try? await Task.sleep(for: timing.sweepInterval)) != nil {
            apply { registry, now in registry.sweep(now: now) }
        }
    }

    private static func now() -> Double {
        Double(NIODeadline.now().uptimeNanoseconds) / 1e9
    }

    // MARK: WebSocket

    /// A worker that is followed until its address is known no more.
    private final class Followed: Sendable {
        let url: String
        /// Set and read where the registry changes, so that nothing of it comes after its removal.
        let isGone = Atomic<Bool>(false)
        private let end = AsyncStream<Never>.makeStream()

        init(_ url: String) { self.url = url }

        func stop() { end.continuation.finish() }

        func waitUntilStopped() async { for await _ in end.stream {} }
    }

    private func follow(_ discovered: AsyncStream<Set<String>>, besides fixed: Set<String>) async {
        await withDiscardingTaskGroup { tasks in
            var followed: [String: Followed] = [:]
            for await urls in discovered {
                for (url, worker) in followed where !urls.contains(url) {
                    followed[url] = nil
                    apply { registry, _ in
                        worker.isGone.store(true, ordering: .relaxed)
                        return [registry.remove(url: url)]
                    }
                    worker.stop()
                    logger.info("worker gone", metadata: ["worker": "\(url)"])
                }
                for url in urls where followed[url] == nil && !fixed.contains(url) {
                    let worker = Followed(url)
                    followed[url] = worker
                    apply { registry, _ in
                        registry.add(url: url)
                        return [.figures]
                    }
                    tasks.addTask {
                        await withDiscardingTaskGroup { pair in
                            pair.addTask { await self.follow(worker) }
                            await worker.waitUntilStopped()
                            pair.cancelAll()
                        }
                    }
                }
            }
            tasks.cancelAll()
        }
    }

    private func follow(_ worker: Followed) async {
        let url = worker.url
        let address = String(url.reversed().drop { $0 == "/" }.reversed()) + "/ws/status"
        var wasConnected = false
        while !Task.isCancelled {
            do {
                try await WebSocketClient.withConnection(to: address, group: group) { connection in
                    wasConnected = true
                    guard let messages = connection.messages else { return }
                    for try await message in messages { receive(message, from: worker) }
                }
            } catch {
                logger.debug("worker not reached", metadata: ["worker": "\(url)", "error": "\(error)"])
            }
            apply { registry, _ in
                worker.isGone.load(ordering: .relaxed) ? [] : [registry.connectionLost(url: url)]
            }
            let delay = wasConnected ? timing.reconnectDelay : timing.firstConnectDelay
            guard (try? await Task.sleep(for: delay)) != nil else { return }
        }
    }

    private func receive(_ message: WebSocketMessage, from worker: Followed) {
        do throws(WireError) {
            let status: WorkerStatus
            switch message {
            case .text(let text): status = try WorkerStatus(text: text)
            case .binary(let buffer): status = try WorkerStatus(binary: buffer)
            }
            apply { registry, now in
                worker.isGone.load(ordering: .relaxed) ? [] : [registry.report(status, from: worker.url, now: now)]
            }
        } catch {
            logger.warning("unreadable worker status", metadata: ["worker": "\(worker.url)", "error": "\(error)"])
        }
    }

    // MARK: NATS

    private func follow(_ connection: NATSConnection) async {
        do {
            for await message in try await connection.subscribe(Self.healthSubject) { receive(message) }
        } catch {
            logger.error("worker health not followed", metadata: ["error": "\(error)"])
        }
    }

    private func receive(_ message: NATSMessage) {
        do throws(WireError) {
            let status = try WorkerStatus(binary: message.payload)
            let name = message.subject.utf8.dropFirst(Self.healthSubject.utf8.count - 1)
            guard let url = Self.url(ofWorker: status.name, subjectRest: String(decoding: name, as: UTF8.self)) else {
                logger.warning("worker status without a name", metadata: ["subject": "\(message.subject)"])
                return
            }
            apply { registry, now in [registry.report(status, from: url, now: now)] }
        } catch {
            logger.warning(
                "unreadable worker status", metadata: ["subject": "\(message.subject)", "error": "\(error)"])
        }
    }

    /// The key of a worker that announces itself: its name where that is a URL, the rest of the subject where that looks
    /// like an address, else its name made a URL.
    package static func url(ofWorker name: String, subjectRest: String) -> String? {
        if name.hasPrefix("http://") || name.hasPrefix("https://") { return name }
        if subjectRest.contains(":") || subjectRest.contains(".") { return "http://\(subjectRest)" }
        return name.isEmpty ? nil : "http://\(name)"
    }
}

extension WorkerStatus {
    fileprivate init(text: String) throws(WireError) {
        self = try Self.decode(ByteBuffer(string: text)) { bytes throws(WireError) in
            try WorkerStatus(decodingJSON: bytes)
        }
    }

    fileprivate init(binary: ByteBuffer) throws(WireError) {
        self = try Self.decode(binary) { bytes throws(WireError) in try WorkerStatus(decodingBinary: bytes) }
    }

    private static func decode(
        _ buffer: ByteBuffer, _ body: (UnsafeRawBufferPointer) throws(WireError) -> WorkerStatus
    ) throws(WireError) -> WorkerStatus {
        let result: Result<WorkerStatus, WireError> = buffer.withUnsafeReadableBytes { bytes in
            do throws(WireError) {
                return .success(try body(bytes))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
