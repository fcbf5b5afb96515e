import AsyncHTTPClient
import FoundationEssentials
import HTTPService
import JSONStream
import Logging
import NIOCore
import NIOHTTP1
import Observability
import ServiceLifecycle

/// Asks upstreams on behalf of callers and hands their answers back as they come (delivery contract 3.5).
package final class UpstreamForwarder: Service {
    private struct Job: Sendable {
        var call: UpstreamCall
        var exchange: HTTPExchange
        var receivedAt: NIODeadline
        var answered: @Sendable (Int) -> Void
    }

    private struct TimedOut: Error {}

    /// The largest answer that is no stream.
    private static let maximumAnswerBytes = 64 << 20
    private static let longestRetryDelay = Duration.seconds(30)

    private let servers: [String: UpstreamServer]
    private let metrics: UpstreamMetrics
    private let logger: Logger
    private let jobs: AsyncStream<Job>
    private let start: AsyncStream<Job>.Continuation

    package init(_ table: UpstreamTable, group: any EventLoopGroup, metrics: UpstreamMetrics, logger: Logger) {
        servers = Dictionary(
            uniqueKeysWithValues: table.upstreams.map { ($0.id, UpstreamServer($0, group: group)) })
        self.metrics = metrics
        self.logger = logger
        (jobs, start) = AsyncStream.makeStream()
    }

    /// Id and breaker of each upstream, for `/health`.
    package var health: [JSONValue] {
        servers.sorted { $0.key < $1.key }.map { id, server in
            ["id": .string(id), "breaker": .string(server.breakerState)]
        }
    }

    /// Answers an exchange with what the call's upstream says. Returns at once; from any thread.
    ///
    /// - Parameter answered: told the status of the answer.
    package func forward(
        _ call: UpstreamCall, exchange: HTTPExchange, receivedAt: NIODeadline,
        answered: @escaping @Sendable (Int) -> Void
    ) {
        start.yield(Job(call: call, exchange: exchange, receivedAt: receivedAt, answered: answered))
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { tasks in
                for await job in self.jobs { tasks.addTask { await self.perform(job) } }
                tasks.cancelAll()
            }
        }
        for server in servers.values { await server.shutdown() }
    }

    /// Answers, unless the caller leaves first; then the upstream is left, too.
    private func perform(_ job: Job) async {
        let (gone, continuation) = AsyncStream.makeStream(of: Void.self)
        job.exchange.onDisconnect { continuation.finish() }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.answer(job) }
            tasks.addTask { for await _ in gone {} }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    private func answer(_ job: Job) async {
        let upstream = job.call.entry.upstream
        guard let server = servers[upstream.id] else { return }
        if let refusal = server.enter() { return refuse(job, refusal) }
        defer { server.leave() }
        let deadline =
            ContinuousClock.now + (job.call.isStream ? Upstream.Timeouts.longestStream : upstream.timeouts.total)
        var failures = 0
        while true {
            do {
                let limit = min(upstream.timeouts.firstByte, ContinuousClock.now.duration(to: deadline))
                let response = try await Self.withTimeout(limit) { try await server.send(job.call) }
                server.answered()
                guard [429, 502, 503, 504].contains(response.status.code), failures < upstream.maximumRetries,
                    let delay = Self.delay(after: failures, response.headers, before: deadline)
                else { return try await deliver(response, to: job, deadline: deadline) }
                failures += 1
                metrics.retries.with(upstream.id).increment()
                try await Task.sleep(for: delay)
            } catch is CancellationError {
                return
            } catch let error where error is TimedOut || Self.isTimeout(error) {
                return refuse(
                    job,
                    ErrorAnswer(
                        .gatewayTimeout, code: "upstream_timeout", message: "the upstream did not answer in time"))
            } catch {
                server.couldNotBeReached()
                logger.warning(
                    "upstream not reached", metadata: ["upstream": "\(upstream.id)", "error": "\(type(of: error))"])
                guard failures < upstream.maximumRetries, !Task.isCancelled, server.breakerState == "closed",
                    let delay = Self.delay(after: failures, [:], before: deadline)
                else {
                    return refuse(
                        job,
                        ErrorAnswer(
                            .badGateway, code: "upstream_unreachable", message: "the upstream cannot be reached"))
                }
                failures += 1
                metrics.retries.with(upstream.id).increment()
                do { try await Task.sleep(for: delay) } catch { return }
            }
        }
    }

    // MARK: Answers

    private func deliver(
        _ response: HTTPClientResponse, to job: Job, deadline: ContinuousClock.Instant
    ) async throws {
        let upstream = job.call.entry.upstream
        let status = Int(response.status.code)
        metrics.firstByteSeconds.with(upstream.id)
            .observe(Duration.nanoseconds((NIODeadline.now() - job.receivedAt).nanoseconds))
        // A 401 would blame the caller's token.
        guard status != 401, status != 403 else {
            logger.error("upstream refused its key", metadata: ["upstream": "\(upstream.id)", "status": "\(status)"])
            return refuse(
                job,
                ErrorAnswer(
                    .badGateway, code: "upstream_auth_failed", message: "the upstream refused the gateway's key"),
                upstreamStatus: status)
        }
        var headers = UpstreamCall.returned(response.headers)
        headers.add(name: "x-sie-upstream", value: upstream.id)
        headers.add(name: "x-sie-upstream-status", value: String(status))
        let isStream =
            job.call.isStream && response.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true
        if isStream {
            headers.add(name: "cache-control", value: "no-cache")
            headers.add(name: "x-accel-buffering", value: "no")
            await Self.withStreamGauge(metrics.openStreams.with(upstream.id)) {
                await stream(response, to: job, headers: headers, deadline: deadline)
            }
        } else {
            let body: ByteBuffer
            do {
                body = try await Self.withTimeout(ContinuousClock.now.duration(to: deadline)) {
                    try await response.body.collect(upTo: Self.maximumAnswerBytes)
                }
            } catch let error where error is TimedOut || Self.isTimeout(error) {
                throw TimedOut()
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                return refuse(
                    job,
                    ErrorAnswer(.badGateway, code: "upstream_aborted", message: "the upstream broke its answer off"))
            }
            job.exchange.respond(HTTPReply(status: response.status, headers: headers, body: body))
        }
        finished(job, status: status)
    }

    /// Hands pieces on as they come and as fast as the caller takes them.
    private func stream(
        _ response: HTTPClientResponse, to job: Job, headers: HTTPHeaders, deadline: ContinuousClock.Instant
    ) async {
        do {
            try await job.exchange.startStream(status: response.status, headers: headers)
            var pieces = response.body.makeAsyncIterator()
            while true {
                let piece: ByteBuffer?
                do {
                    guard ContinuousClock.now < deadline else { throw TimedOut() }
                    piece = try await pieces.next()
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    let code = error is TimedOut || Self.isTimeout(error) ? "upstream_timeout" : "upstream_aborted"
                    try await job.exchange.stream(Self.errorEvent(code))
                    break
                }
                guard let piece else { break }
                try await job.exchange.stream(piece)
            }
            try await job.exchange.endStream(trailers: nil)
        } catch {
            // The caller has left; with the response goes the connection to the upstream.
            job.exchange.abort()
        }
    }

    /// The last event of a stream that cannot go on.
    package static func errorEvent(_ code: String) -> ByteBuffer {
        let body: JSONValue = [
            "type": "error", "code": .string(code), "message": "the upstream's answer broke off", "param": .null,
        ]
        return ByteBuffer(string: "event: error\ndata: \(String(decoding: JSONWriter.encode(body), as: UTF8.self))\n\n")
    }

    private func refuse(_ job: Job, _ error: ErrorAnswer, upstreamStatus: Int? = nil) {
        var answer = error.answer(as: .openAI(.float))
        answer.headers.add(name: "x-sie-upstream", value: job.call.entry.upstream.id)
        if let upstreamStatus { answer.headers.add(name: "x-sie-upstream-status", value: String(upstreamStatus)) }
        job.exchange.respond(HTTPReply(answer))
        finished(job, status: Int(answer.status.code))
    }

    private func finished(_ job: Job, status: Int) {
        metrics.requests.with(job.call.entry.upstream.id, String(status)).increment()
        job.answered(status)
    }

    // MARK: Time

    /// The wait before another attempt; nil where it would be over the time of the whole.
    private static func delay(
        after failures: Int, _ headers: HTTPHeaders, before deadline: ContinuousClock.Instant
    ) -> Duration? {
        let backoff = Duration.milliseconds(250) * (1 << min(failures, 6)) * Double.random(in: 0.5...1)
        let asked = headers.first(name: "retry-after").flatMap { Double($0) }.map {
            Duration.milliseconds(Int64($0 * 1000))
        }
        let delay = max(backoff, min(asked ?? .zero, longestRetryDelay))
        return ContinuousClock.now + delay < deadline ? delay : nil
    }

    private static func isTimeout(_ error: any Error) -> Bool {
        (error as? HTTPClientError) == .readTimeout || (error as? HTTPClientError) == .deadlineExceeded
    }

    private static func withTimeout<Value: Sendable>(
        _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask { try await body() }
            tasks.addTask {
                try await Task.sleep(for: limit)
                throw TimedOut()
            }
            guard let value = try await tasks.next() else { throw CancellationError() }
            return value
        }
    }

    private static func withStreamGauge(_ gauge: Gauge, _ body: () async -> Void) async {
        gauge.add(1)
        await body()
        gauge.add(-1)
    }
}
