import Settings

/// How a push sends and waits, from the environment.
package struct PushOptions: Sendable, Equatable {
    /// How often a file is sent at most.
    package var maximumAttempts = 3
    /// The wait before the second attempt; it doubles with each.
    package var backoff: Duration = .seconds(2)
    /// The longest that one post may take.
    package var postTimeout: Duration = .seconds(60)
    package var readiness = ReadinessPolicy()
    /// Part of the idempotency keys, like `owner/name`.
    package var repository: String?
    /// Part of the idempotency keys: the commit that is pushed.
    package var commit: String?

    /// - Throws: `SettingError` for a number that is no positive integer, and for an unknown policy.
    package init(environment: Environment) throws(SettingError) {
        func seconds(_ name: String) throws(SettingError) -> Duration? {
            try environment.integer(name, in: 1...86_400).map { .seconds($0) }
        }
        maximumAttempts = try environment.integer("POST_MAX_ATTEMPTS", in: 1...20) ?? maximumAttempts
        backoff = try seconds("POST_BACKOFF_SECONDS") ?? backoff
        postTimeout = try seconds("POST_TIMEOUT_SECONDS") ?? postTimeout
        readiness.timeout = try seconds("READINESS_TIMEOUT_SECONDS") ?? readiness.timeout
        readiness.interval = try seconds("READINESS_POLL_INTERVAL_SECONDS") ?? readiness.interval
        readiness.callTimeout = try seconds("POLL_TIMEOUT_SECONDS") ?? readiness.callTimeout
        readiness.consecutive = try environment.integer("READINESS_CONSECUTIVE", in: 1...1_000) ?? 1
        readiness.requiresEpoch = try environment.flag("REQUIRE_EPOCH_MATCH") ?? false
        if let name = environment.string("READINESS_POLICY") {
            guard let condition = ReadinessPolicy.Condition(rawValue: name) else {
                throw SettingError("READINESS_POLICY must be acked or routable, not '\(name)'")
            }
            readiness.condition = condition
        }
        repository = environment.string("GITHUB_REPOSITORY")
        commit = environment.string("GITHUB_SHA")
    }

    /// The key of a file; nil outside of a commit's run, where the content of files may be ahead of the commit.
    func key(path: String) -> String? {
        guard let repository, let commit else { return nil }
        return IdempotencyKey.make(repository: repository, commit: commit, path: path)
    }
}
