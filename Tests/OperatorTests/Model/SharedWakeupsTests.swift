import Operator
import Testing

@Suite("Shared wake-ups")
struct SharedWakeupsTests {
    @Test("waits end at common moments, never too early and never an interval late")
    func moments() {
        let start = ContinuousClock.now
        let wakeups = SharedWakeups(start: start)
        var generator = SystemRandomNumberGenerator()
        var moments: Set<Duration> = []
        for _ in 0..<1000 {
            let now = start + .milliseconds(Int.random(in: 0...100_000, using: &generator))
            let wanted = Duration.milliseconds(Int.random(in: 240_000...360_000, using: &generator))
            let wait = wakeups.wait(wanted, from: now)
            #expect(wait >= wanted && wait - wanted < SharedWakeups.interval)
            moments.insert(start.duration(to: now) + wait)
        }
        #expect(moments.allSatisfy { ($0 / SharedWakeups.interval).truncatingRemainder(dividingBy: 1) == 0 })
        #expect(moments.count <= 16)
        #expect(wakeups.wait(.seconds(30), from: start) == .seconds(30))
    }
}
