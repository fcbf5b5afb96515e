/// Runs `body` for some time at most. Then it is cancelled, and once it has ended the answer is nil, whatever it would have
/// been.
///
/// - Throws: what `body` throws within its time, or `CancellationError` where the caller is cancelled first.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            return nil
        }
        defer { group.cancelAll() }
        return try await group.next() ?? nil
    }
}
