import CurlClient

/// Sends requests that may be repeated until one is answered for good.
package struct RetryingSender: Sendable {
    /// An answer that is not worth another attempt.
    struct Answer: Sendable {
        var response: CurlResponse
        /// Whether an earlier attempt may have been carried out although its answer did not say so.
        var followsUnknownOutcome: Bool
    }

    /// What a store makes of an answer.
    enum Verdict: Sendable {
        case final
        /// Try again at once, because what was wrong has been put right, such as an expired token.
        case corrected
        /// Try again later.
        case later
    }

    private let client: CurlClient
    private let policy: RetryPolicy
    private let sleep: @Sendable (Duration) async throws -> Void

    /// - Parameter sleep: how to wait; tests do not.
    package init(
        _ client: CurlClient, policy: RetryPolicy = RetryPolicy(retries: 4, base: .milliseconds(100), cap: .seconds(5)),
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.client = client
        self.policy = policy
        self.sleep = sleep
    }

    /// Sends what `make` makes for each attempt.
    ///
    /// - Parameters:
    ///   - operation: names the object in errors.
    ///   - changes: whether the request changes an object.
    ///   - judge: what to make of an answer that is neither overload nor a failure of the server.
    func send(
        _ operation: String, changes: Bool, judge: (CurlResponse) async -> Verdict = { _ in .final },
        _ make: () async throws(ObjectStoreError) -> CurlRequest
    ) async throws(ObjectStoreError) -> Answer {
        var isOutcomeKnown = true
        var failure = ""
        var failures = 0
        var corrections = 0
        while true {
            var retryAfter: Duration?
            let result: Result<CurlResponse, CurlError>
            let request = try await make()
            do throws(CurlError) {
                result = .success(try await client.perform(request))
            } catch {
                result = .failure(error)
            }
            switch result {
            case .success(let response):
                var verdict = Self.isTransient(response.status) ? Verdict.later : await judge(response)
                if verdict == .corrected {
                    corrections += 1
                    if corrections > 2 { verdict = .final }
                }
                switch verdict {
                case .final: return Answer(response: response, followsUnknownOutcome: !isOutcomeKnown)
                case .corrected: continue
                case .later: break
                }
                // 429 and 503 refuse before anything is done.
                if changes, [408, 500, 502, 504].contains(response.status) { isOutcomeKnown = false }
                retryAfter = response.head["retry-after"].flatMap(Int.init).map { .seconds($0) }
                failure = "the store answers \(response.status) \(Self.excerpt(response))"
            case .failure(let error):
                try Self.rethrowLasting(error, operation)
                if changes, !error.isBeforeSending { isOutcomeKnown = false }
                failure = error.description
            }
            failures += 1
            var generator = SystemRandomNumberGenerator()
            let delay = policy.delay(after: failures, retryAfter: retryAfter, using: &generator)
            guard let delay else { break }
            do {
                try await sleep(delay)
            } catch {
                throw ObjectStoreError(
                    isOutcomeKnown ? .cancelled : .outcomeUnknown, operation: operation, "cancelled after: \(failure)")
            }
        }
        throw ObjectStoreError(
            isOutcomeKnown ? .unavailable : .outcomeUnknown, operation: operation,
            "\(failure) (\(failures) attempts)")
    }

    private static func isTransient(_ status: Int) -> Bool {
        [408, 429].contains(status) || (500...599).contains(status) && status != 501
    }

    /// Throws what another attempt cannot change.
    private static func rethrowLasting(_ error: CurlError, _ operation: String) throws(ObjectStoreError) {
        switch error {
        case .cancelled, .shutDown:
            throw ObjectStoreError(.cancelled, operation: operation, error.description)
        case .invalidRequest, .tls:
            throw ObjectStoreError(.misconfigured, operation: operation, error.description)
        case .bodyTooLarge:
            throw ObjectStoreError(.unexpectedAnswer, operation: operation, error.description)
        case .cannotConnect, .timedOut, .connectionLost, .other: break
        }
    }

    /// The beginning of an answer's text, for a message.
    static func excerpt(_ response: CurlResponse) -> String {
        let text = String(decoding: response.body.prefix(300), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).joined(separator: " ")
    }
}
