/// Looks again and again until there is something to see, and gives it.
///
/// - Throws: ``ProgramProcess/Timeout`` after the limit, or what `look` throws.
@discardableResult
package func eventually<Value>(
    _ what: String, within limit: Duration = .seconds(15), _ look: () async throws -> Value?
) async throws -> Value {
    let deadline = ContinuousClock.now + limit
    while true {
        if let value = try await look() { return value }
        guard ContinuousClock.now < deadline else { throw ProgramProcess.Timeout(description: "not seen: \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

/// Looks again and again until something is so.
package func eventually(
    _ what: String, within limit: Duration = .seconds(30), _ holds: () async throws -> Bool
) async throws {
    try await eventually(what, within: limit) { try await holds() ? true : Bool?.none }
}
