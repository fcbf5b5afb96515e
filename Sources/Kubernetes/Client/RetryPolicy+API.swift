import CurlClient

extension RetryPolicy {
    /// The wait before an API request is sent again; nil where it is not.
    ///
    /// Reads are repeated after whatever may pass. Writes are repeated only after 429, with which a server refuses before
    /// it does anything; every other failure is the caller's, who knows whether the write still makes sense.
    package func delay(
        after error: KubernetesError, isRead: Bool, failures: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration? {
        guard error.isRetryable else { return nil }
        if case .credentials = error { return nil }
        guard isRead || error.status?.reason == .tooManyRequests else { return nil }
        return delay(after: failures, retryAfter: error.retryAfter, using: &generator)
    }
}
