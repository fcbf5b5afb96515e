import CLI
import Testing

@Suite struct SupervisorTests {
    private let plan = StackPlan.example(workers: 2)

    private func names(_ actions: [Supervisor.Action]) -> [String] {
        actions.flatMap { action -> [String] in
            switch action {
            case .start(let plans): plans.map { "start \($0.name)" }
            case .awaitAcknowledgement: ["await acknowledgement"]
            case .announce: ["announce"]
            case .terminate(let plans): plans.map { "terminate \($0.name)" }
            case .kill(let plans): plans.map { "kill \($0.name)" }
            case .report(let failure): ["report \(failure.message)"]
            case .finish(let succeeded): [succeeded ? "finish" : "finish with failure"]
            }
        }
    }

    /// A supervisor whose stack is up.
    private func up() -> Supervisor {
        var supervisor = Supervisor(plan: plan)
        _ = supervisor.begin()
        for child in ["nats", "config", "worker-1", "worker-2", "gateway"] {
            _ = supervisor.handle(.ready(child: child))
        }
        _ = supervisor.handle(.acknowledged)
        return supervisor
    }

    @Test("a stage starts when every process of the one before it is ready")
    func startOrder() {
        var supervisor = Supervisor(plan: plan)
        #expect(names(supervisor.begin()) == ["start nats"])
        #expect(names(supervisor.handle(.ready(child: "nats"))) == ["start config"])
        #expect(names(supervisor.handle(.ready(child: "config"))) == ["start worker-1", "start worker-2"])
        #expect(names(supervisor.handle(.ready(child: "worker-2"))) == [])
        #expect(supervisor.waitingFor == ["worker-1"])
        #expect(names(supervisor.handle(.ready(child: "worker-1"))) == ["start gateway"])
        #expect(names(supervisor.handle(.ready(child: "gateway"))) == ["await acknowledgement"])
        #expect(names(supervisor.handle(.acknowledged)) == ["announce"])
        #expect(supervisor.waitingFor == [])
    }

    @Test("the stages stop in reverse order, each after the one above it has ended")
    func stopOrder() {
        var supervisor = up()
        #expect(names(supervisor.handle(.stopRequested)) == ["terminate gateway"])
        #expect(
            names(supervisor.handle(.exited(child: "gateway", status: .code(0)))) == [
                "terminate worker-1", "terminate worker-2",
            ])
        #expect(names(supervisor.handle(.exited(child: "worker-2", status: .code(0)))) == [])
        #expect(names(supervisor.handle(.exited(child: "worker-1", status: .code(0)))) == ["terminate config"])
        #expect(names(supervisor.handle(.exited(child: "config", status: .code(0)))) == ["terminate nats"])
        #expect(names(supervisor.handle(.exited(child: "nats", status: .code(1)))) == ["finish"])
    }

    @Test("a process that ends by itself takes the stack down, and is named")
    func childDies() {
        var supervisor = up()
        #expect(
            names(supervisor.handle(.exited(child: "worker-2", status: .signal(9)))) == [
                "report worker-2 was ended by signal 9", "terminate gateway",
            ])
        #expect(names(supervisor.handle(.exited(child: "gateway", status: .code(0)))) == ["terminate worker-1"])
        #expect(names(supervisor.handle(.exited(child: "worker-1", status: .code(0)))) == ["terminate config"])
        #expect(names(supervisor.handle(.exited(child: "config", status: .code(0)))) == ["terminate nats"])
        #expect(names(supervisor.handle(.exited(child: "nats", status: .code(0)))) == ["finish with failure"])
    }

    @Test("a process that ends while the others stop is no second failure")
    func childDiesWhileStopping() {
        var supervisor = up()
        _ = supervisor.handle(.stopRequested)
        #expect(names(supervisor.handle(.exited(child: "nats", status: .code(1)))) == [])
        #expect(
            names(supervisor.handle(.exited(child: "gateway", status: .code(0)))) == [
                "terminate worker-1", "terminate worker-2",
            ])
        _ = supervisor.handle(.exited(child: "worker-1", status: .code(0)))
        #expect(names(supervisor.handle(.exited(child: "worker-2", status: .code(0)))) == ["terminate config"])
        #expect(names(supervisor.handle(.exited(child: "config", status: .code(0)))) == ["finish"])
    }

    @Test("a process that outlives its grace period is killed")
    func graceElapses() {
        var supervisor = up()
        _ = supervisor.handle(.stopRequested)
        #expect(names(supervisor.handle(.graceElapsed(child: "gateway"))) == ["kill gateway"])
        _ = supervisor.handle(.exited(child: "gateway", status: .signal(9)))
        #expect(names(supervisor.handle(.graceElapsed(child: "gateway"))) == [])
    }

    @Test("a second Ctrl-C kills everything that still runs")
    func stopTwice() {
        var supervisor = up()
        _ = supervisor.handle(.stopRequested)
        _ = supervisor.handle(.exited(child: "gateway", status: .code(0)))
        #expect(
            names(supervisor.handle(.stopRequested)) == ["kill nats", "kill config", "kill worker-1", "kill worker-2"])
    }

    @Test("Ctrl-C during the start stops only what was started")
    func stopWhileStarting() {
        var supervisor = Supervisor(plan: plan)
        _ = supervisor.begin()
        _ = supervisor.handle(.ready(child: "nats"))
        #expect(names(supervisor.handle(.stopRequested)) == ["terminate config"])
        #expect(names(supervisor.handle(.ready(child: "config"))) == [])
        #expect(names(supervisor.handle(.exited(child: "config", status: .code(0)))) == ["terminate nats"])
        #expect(names(supervisor.handle(.exited(child: "nats", status: .code(0)))) == ["finish"])
    }

    @Test("a process that does not become ready, and workers that do not acknowledge, are failures with the reason")
    func notReady() {
        var supervisor = Supervisor(plan: plan)
        _ = supervisor.begin()
        #expect(
            names(supervisor.handle(.notReady(child: "nats", reason: "/healthz answers 503"))) == [
                "report nats is not ready: /healthz answers 503", "terminate nats",
            ])
        #expect(names(supervisor.handle(.exited(child: "nats", status: .code(0)))) == ["finish with failure"])
    }

    @Test("an unknown process's events change nothing")
    func strangers() {
        var supervisor = up()
        #expect(names(supervisor.handle(.ready(child: "stranger"))) == [])
        #expect(names(supervisor.handle(.exited(child: "stranger", status: .code(0)))) == [])
    }
}
