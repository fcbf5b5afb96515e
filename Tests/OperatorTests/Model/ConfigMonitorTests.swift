import Kubernetes
import Operator
import Testing

@Suite("Watching the config service")
struct ConfigMonitorTests {
    private func time(_ seconds: Int64) -> Timestamp { Timestamp(secondsSince1970: 1_790_000_000 + seconds) }

    @Test("an epoch that rises or stays, and bundles that stay, are no reason to look at every model")
    func calm() {
        var monitor = ConfigMonitor()
        for (seconds, epoch) in [(0, 3), (15, 3), (30, 9)] {
            #expect(monitor.answered(epoch: epoch, bundlesHash: "b", at: time(Int64(seconds))) == nil)
        }
        #expect(monitor.epoch == 9)
    }

    @Test("an epoch that fell is told, once")
    func fall() {
        var monitor = ConfigMonitor()
        _ = monitor.answered(epoch: 9, bundlesHash: "b", at: time(0))
        #expect(monitor.answered(epoch: 0, bundlesHash: "b", at: time(15)) == .epochFell(from: 9, to: 0))
        #expect(monitor.answered(epoch: 0, bundlesHash: "b", at: time(30)) == nil)
    }

    @Test("changed bundles are told; a service that does not say its bundles changes nothing")
    func bundles() {
        var monitor = ConfigMonitor()
        _ = monitor.answered(epoch: 1, bundlesHash: "a", at: time(0))
        #expect(monitor.answered(epoch: 1, bundlesHash: nil, at: time(15)) == nil)
        #expect(monitor.answered(epoch: 1, bundlesHash: "b", at: time(30)) == .bundlesChanged)
    }

    @Test("a service that was away for more than half a minute is told, a shorter absence is not")
    func absence() {
        var monitor = ConfigMonitor()
        _ = monitor.answered(epoch: 1, bundlesHash: "b", at: time(0))
        monitor.failed(at: time(15))
        #expect(monitor.answered(epoch: 1, bundlesHash: "b", at: time(45)) == nil)
        monitor.failed(at: time(60))
        monitor.failed(at: time(75))
        #expect(monitor.absenceSeconds(at: time(90)) == 30)
        #expect(monitor.answered(epoch: 1, bundlesHash: "b", at: time(91)) == .cameBack(afterSeconds: 31))
        #expect(monitor.absenceSeconds(at: time(92)) == 0)
    }

    @Test("a service that is away from the start is no alarm when it comes")
    func lateStart() {
        var monitor = ConfigMonitor()
        monitor.failed(at: time(0))
        #expect(monitor.answered(epoch: 7, bundlesHash: "b", at: time(100)) == nil)
    }
}
