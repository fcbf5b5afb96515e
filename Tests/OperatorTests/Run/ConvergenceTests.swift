import Foundation
import TestSupport
import Testing

/// Whatever has happened, and in whatever order, the end is that of a fresh look at the same objects (Kubernetes contract
/// 8.2, test 14).
@Suite(
    "Convergence after random changes and faults",
    .enabled(if: KubernetesAPIServer.isInstalled && OperatorStack.hostAddress != nil), .timeLimit(.minutes(20)))
struct ConvergenceTests {
    /// More seeds and steps where there is time: `SIE_TEST_LONG=1`.
    static let isLong = ProcessInfo.processInfo.environment["SIE_TEST_LONG"] != nil

    @Test(
        "after edits, deletions, dead programs, lost stores and broken connections all is as a fresh reconcile has it",
        arguments: isLong ? Array(1...8) : [1] as [UInt64])
    func converges(seed: UInt64) async throws {
        var turmoil = try await Turmoil(seed: seed, host: try #require(OperatorStack.hostAddress))
        for _ in 0..<(Self.isLong ? 120 : 30) { try await turmoil.step() }
        try await turmoil.calm()
        let calmed = ContinuousClock.now
        // Gateways ask for what they missed every half a minute, leaders are missed for a quarter of one.
        let lived = try await turmoil.settled(within: .seconds(90))
        let seconds = (calmed.duration(to: .now) / .milliseconds(100)).rounded() / 10
        print("CONVERGED: seed \(seed), \(turmoil.story.count) events, settled \(seconds) s later")
        try await turmoil.beginAnew()
        let fresh = try await turmoil.settled(within: .seconds(60))
        #expect(lived.count > 5)
        #expect(Set(lived).subtracting(fresh) == [] && Set(fresh).subtracting(lived) == [], "\(turmoil.story)")
        try await turmoil.end()
    }
}
