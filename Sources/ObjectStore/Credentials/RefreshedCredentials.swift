import FoundationEssentials

/// Credentials with an end, loaded when they are first needed and again before they end.
package actor RefreshedCredentials<Value: Sendable> {
    /// A value and when it stops working; nil for never.
    package struct Lease: Sendable {
        package var value: Value
        package var expiry: Date?

        package init(_ value: Value, expiry: Date?) {
            self.value = value
            self.expiry = expiry
        }
    }

    private let source: @Sendable () async throws(CredentialError) -> Lease
    private let now: @Sendable () -> Date
    /// How long before their end credentials are replaced.
    private let margin: TimeInterval
    private var lease: Lease?
    private var loading: Task<Result<Lease, CredentialError>, Never>?

    package init(
        margin: TimeInterval = 300, now: @escaping @Sendable () -> Date = { .now },
        load: @escaping @Sendable () async throws(CredentialError) -> Lease
    ) {
        self.margin = margin
        self.now = now
        source = load
    }

    /// The credentials; all who ask while they are loaded get the same.
    ///
    /// Where loading fails, the old ones serve until their end.
    package func current() async throws(CredentialError) -> Value {
        if let lease, !ends(lease, within: margin) { return lease.value }
        switch await load().value {
        case .success(let lease): return lease.value
        case .failure(let error):
            if let lease, !ends(lease, within: 0) { return lease.value }
            throw error
        }
    }

    /// Forgets credentials that were refused before their end.
    package func invalidate() { lease = nil }

    private func ends(_ lease: Lease, within seconds: TimeInterval) -> Bool {
        lease.expiry.map { $0.timeIntervalSince(now()) <= seconds } ?? false
    }

    private func load() -> Task<Result<Lease, CredentialError>, Never> {
        if let loading { return loading }
        // One task for all that ask: the first of them may be cancelled while the others wait.
        let task = Task { () -> Result<Lease, CredentialError> in
            let result: Result<Lease, CredentialError>
            do throws(CredentialError) {
                result = .success(try await source())
            } catch {
                result = .failure(error)
            }
            loaded(result)
            return result
        }
        loading = task
        return task
    }

    private func loaded(_ result: Result<Lease, CredentialError>) {
        loading = nil
        if case .success(let lease) = result { self.lease = lease }
    }
}
