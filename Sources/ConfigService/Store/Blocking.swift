import NIOConcurrencyHelpers

/// Runs asynchronous work for a thread that may block: the writer's own, never one of Swift's pool.
func blocking<Value: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () async throws(Failure) -> Value
) throws(Failure) -> Value {
    let outcome = NIOLockedValueBox<Result<Value, Failure>?>(nil)
    let isDone = ConditionLock(value: false)
    Task {
        let result: Result<Value, Failure>
        do throws(Failure) {
            result = .success(try await work())
        } catch {
            result = .failure(error)
        }
        outcome.withLockedValue { $0 = result }
        isDone.lock()
        isDone.unlock(withValue: true)
    }
    isDone.lock(whenValue: true)
    isDone.unlock()
    guard let result = outcome.withLockedValue({ $0 }) else { preconditionFailure("the work ended without an outcome") }
    return try result.get()
}
