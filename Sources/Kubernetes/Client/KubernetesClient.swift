import CurlClient
import FoundationEssentials
import JSONStream
import Synchronization

/// A client of one API server. It logs in, limits and repeats requests and reads what the server says about failures;
/// ``resources(_:in:)`` gives the verbs of a kind.
public final class KubernetesClient: Sendable {
    /// What is not about the cluster but about who asks.
    public struct Options: Sendable {
        /// `program/version (os/arch)`.
        public var userAgent = "kubernetes-swift"
        /// Requests a second in the long run, and at once; 0 a second for no limit.
        public var requestsPerSecond = 20.0
        public var requestBurst = 30
        public var retries = RetryPolicy()
        /// How long an ordinary request may take.
        public var timeout = Duration.seconds(30)
        /// Told of every answer.
        public var observer: (@Sendable (RequestReport) -> Void)?
        /// How to wait; tests do not.
        public var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
        /// The time in seconds since 1970.
        public var now: @Sendable () -> Double = { Date.now.timeIntervalSince1970 }

        public init() {}
    }

    public let configuration: ClusterConfiguration
    private let curl: CurlClient
    private let options: Options
    private let credentials: Credentials
    private let bucket: Mutex<TokenBucket>
    private let start = ContinuousClock.now

    /// - Parameter curl: the process's HTTP client.
    public init(_ configuration: ClusterConfiguration, curl: CurlClient, options: Options = Options()) {
        self.configuration = configuration
        self.curl = curl
        self.options = options
        credentials = Credentials(configuration.credentials, server: configuration.server, now: options.now)
        bucket = Mutex(TokenBucket(perSecond: options.requestsPerSecond, burst: options.requestBurst))
    }

    /// The objects of a kind at its usual place.
    ///
    /// - Parameter namespace: nil for all namespaces, where objects can be listed and watched but not written.
    public func resources<Object: KubernetesResource>(
        _ object: Object.Type, in namespace: String?
    ) -> Resources<Object> {
        Resources(client: self, type: Object.resourceType, namespace: namespace)
    }

    /// The objects of a kind in the group version given, as ``Discovery`` found it.
    public func resources<Object: KubernetesObject>(
        _ object: Object.Type, at type: ResourceType, in namespace: String?
    ) -> Resources<Object> {
        Resources(client: self, type: type, namespace: namespace)
    }

    /// What the server offers.
    public var discovery: Discovery { Discovery(client: self) }

    // MARK: Sending

    /// Sends a request until it is answered for good.
    func send(_ request: APIRequest) async throws(KubernetesError) -> [UInt8] {
        try await receive(request, with: WholeAnswer())
    }

    /// Opens a stream; a failure to open it is repeated by whoever wants the stream.
    ///
    /// - Parameter timeouts: how long it may take and be silent.
    func stream(
        _ request: APIRequest, timeouts: CurlTimeouts
    ) async throws(KubernetesError) -> CurlBody {
        try await repeating(request, timeouts: timeouts, retries: RetryPolicy(retries: 0)) {
            prepared async throws(KubernetesError) in
            let started = ContinuousClock.now
            let response: CurlStreamingResponse
            do throws(CurlError) {
                response = try await curl.stream(prepared)
            } catch {
                report(request, nil, since: started)
                throw KubernetesError.transport(error, operation: request.operation)
            }
            report(request, response.head.status, since: started)
            if (200...299).contains(response.head.status) { return response.body }
            throw await Self.refusal(response, of: request)
        }
    }

    /// Sends a request and reads a successful answer while it comes.
    ///
    /// - Parameter reader: as it is at the beginning; a request that is sent again is read by it anew.
    func receive<Reader: AnswerReader>(
        _ request: APIRequest, with reader: Reader
    ) async throws(KubernetesError) -> Reader.Answer {
        try await repeating(request) { prepared async throws(KubernetesError) in
            let started = ContinuousClock.now
            var reader = reader
            do {
                let response = try await curl.stream(prepared)
                guard (200...299).contains(response.head.status) else {
                    report(request, response.head.status, since: started)
                    throw await Self.refusal(response, of: request)
                }
                var count = 0
                var pieces = response.body.makeAsyncIterator()
                while let piece = try await pieces.next() {
                    count += piece.count
                    guard count <= request.bodyLimitBytes else {
                        throw CurlError.bodyTooLarge(limitBytes: request.bodyLimitBytes)
                    }
                    try await reader.add(piece)
                }
                report(request, response.head.status, since: started)
                return try await reader.finish()
            } catch let error as KubernetesError {
                throw error
            } catch let error as CurlError {
                report(request, nil, since: started)
                throw .transport(error, operation: request.operation)
            } catch {
                throw .malformed("the answer cannot be read: \(error)", operation: request.operation)
            }
        }
    }

    /// What an answer that is no success says.
    private static func refusal(_ response: CurlStreamingResponse, of request: APIRequest) async -> KubernetesError {
        var body: [UInt8] = []
        var pieces = response.body.makeAsyncIterator()
        while body.count < 1 << 20, let piece = try? await pieces.next() { body += piece }
        return .status(
            StatusError(code: response.head.status, body: body, retryAfter: retryAfter(response.head)),
            operation: request.operation)
    }

    /// Asks for the server's version once, whatever the limits, only to see whether anything comes back: any status will
    /// do. Where nothing comes in time, and nothing else has come over the connection either, the connection is closed and
    /// with it every stream on it.
    ///
    /// - Returns: the head of the answer, with the server's time.
    public func ping(timeout: Duration) async throws(KubernetesError) -> CurlResponseHead {
        let request = APIRequest(verb: .get, path: "/version")
        var prepared = prepare(
            request, try await credential(for: request), CurlTimeouts(connect: timeout, total: timeout))
        prepared.closesSilentConnection = true
        let started = ContinuousClock.now
        do throws(CurlError) {
            let response = try await curl.perform(prepared, bodyLimitBytes: 1 << 20)
            report(request, response.status, since: started)
            return response.head
        } catch {
            report(request, nil, since: started)
            throw .transport(error, operation: "ping")
        }
    }

    private func repeating<Answer>(
        _ request: APIRequest, timeouts: CurlTimeouts? = nil, retries: RetryPolicy? = nil,
        _ attempt: (CurlRequest) async throws(KubernetesError) -> Answer
    ) async throws(KubernetesError) -> Answer {
        var failures = 0
        var hasNewCredentials = false
        while true {
            let wait = bucket.withLock { $0.take(now: start.duration(to: .now)) }
            if wait > .zero { try await pause(wait, request) }
            let credential = try await credential(for: request)
            do throws(KubernetesError) {
                return try await attempt(prepare(request, credential, timeouts))
            } catch {
                if error.status?.reason == .unauthorized, !hasNewCredentials {
                    hasNewCredentials = true
                    await credentials.refused(credential)
                    // The same once more would be refused once more.
                    if try await self.credential(for: request) != credential { continue }
                }
                failures += 1
                var generator = SystemRandomNumberGenerator()
                let delay = (retries ?? options.retries).delay(
                    after: error, isRead: request.verb.isRead, failures: failures, using: &generator)
                guard let delay else { throw error }
                try await pause(delay, request)
            }
        }
    }

    private func credential(for request: APIRequest) async throws(KubernetesError) -> Credential {
        do throws(CredentialError) {
            return try await credentials.current()
        } catch {
            throw .credentials(error, operation: request.operation)
        }
    }

    private func pause(_ duration: Duration, _ request: APIRequest) async throws(KubernetesError) {
        do {
            try await options.sleep(duration)
        } catch {
            throw .transport(.cancelled, operation: request.operation)
        }
    }

    private func prepare(
        _ request: APIRequest, _ credential: Credential, _ timeouts: CurlTimeouts?
    ) -> CurlRequest {
        var headers = [
            CurlRequest.Header("Accept", "application/json"), CurlRequest.Header("User-Agent", options.userAgent),
        ]
        if let authorization = credential.authorization { headers.append(.init("Authorization", authorization)) }
        if let impersonation = configuration.impersonation {
            headers.append(.init("Impersonate-User", impersonation.user))
            if let uid = impersonation.uid { headers.append(.init("Impersonate-Uid", uid)) }
            headers += impersonation.groups.map { .init("Impersonate-Group", $0) }
        }
        if request.body != nil { headers.append(.init("Content-Type", request.contentType)) }
        var tls = configuration.tls
        if let identity = credential.identity { tls.identity = identity }
        return CurlRequest(
            request.verb.method, configuration.server + request.target, headers: headers,
            body: request.body.map { JSONWriter.encode($0) },
            timeouts: timeouts ?? CurlTimeouts(total: options.timeout), tls: tls, proxy: configuration.proxy)
    }

    private func report(_ request: APIRequest, _ code: Int?, since start: ContinuousClock.Instant) {
        options.observer?(
            RequestReport(
                verb: request.verb.rawValue, method: request.verb.method, resource: request.type,
                subresource: request.subresource, namespace: request.key?.namespace, name: request.key?.name,
                code: code, duration: start.duration(to: .now)))
    }

    /// Servers of the API write whole seconds.
    private static func retryAfter(_ head: CurlResponseHead) -> Duration? {
        head["retry-after"].flatMap { Int($0) }.map { .seconds(max(0, $0)) }
    }
}
