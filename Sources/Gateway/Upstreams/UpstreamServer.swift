import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// The way to one upstream: its connections, how many requests are under way, and whether it can be reached.
final class UpstreamServer: Sendable {
    private struct State {
        var open = 0
        var breaker = CircuitBreaker()
    }

    let upstream: Upstream
    private let http: HTTPClient
    private let state = Mutex(State())

    init(_ upstream: Upstream, group: any EventLoopGroup) {
        self.upstream = upstream
        var configuration = HTTPClient.Configuration()
        // An answer that leads elsewhere must not take the key with it.
        configuration.redirectConfiguration = .disallow
        configuration.httpVersion = .http1Only
        configuration.timeout.connect = TimeAmount(upstream.timeouts.connect)
        configuration.timeout.read = TimeAmount(max(upstream.timeouts.idle, upstream.timeouts.firstByte))
        http = HTTPClient(eventLoopGroup: group, configuration: configuration)
    }

    /// Whether the upstream is asked at present.
    var breakerState: String { state.withLock { $0.breaker.state(at: .now()) } }

    /// Takes a place for a request; the answer says why there is none.
    func enter() -> ErrorAnswer? {
        state.withLock { state in
            if let remaining = state.breaker.remaining(at: .now()) {
                return ErrorAnswer(
                    .serviceUnavailable, code: "upstream_unavailable",
                    message: "upstream '\(upstream.id)' cannot be reached at present",
                    retryAfterSeconds: Int(remaining.nanoseconds / 1_000_000_000) + 1)
            }
            guard state.open < upstream.maximumConcurrency else {
                return ErrorAnswer(
                    .tooManyRequests, code: "upstream_busy",
                    message: "upstream '\(upstream.id)' has \(state.open) requests under way", retryAfterSeconds: 1)
            }
            state.open += 1
            return nil
        }
    }

    func leave() { state.withLock { $0.open -= 1 } }

    func answered() { state.withLock { $0.breaker.answered() } }

    func couldNotBeReached() { state.withLock { $0.breaker.failed(at: .now()) } }

    /// Sends a request and returns when the head of the answer is there.
    func send(_ call: UpstreamCall) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: call.url)
        request.method = .POST
        request.headers = call.headers
        if let secret = try await secret() {
            if upstream.sendsBearer {
                request.headers.replaceOrAdd(name: "authorization", value: "Bearer \(secret)")
            } else {
                request.headers.replaceOrAdd(name: "api-key", value: secret)
            }
        }
        request.body = .bytes(ByteBuffer(bytes: call.body))
        return try await http.execute(request, deadline: .distantFuture)
    }

    private func secret() async throws -> String? {
        switch upstream.secret {
        case .none: return nil
        case .value(let value): return value
        case .file(let path):
            let text = try await NIOThreadPool.singleton.runIfActive {
                String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
            }
            return String(text.prefix { !$0.isNewline })
        }
    }

    func shutdown() async { try? await http.shutdown() }
}
