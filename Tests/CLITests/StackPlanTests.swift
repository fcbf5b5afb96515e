import CLI
import Testing

extension StackPlan {
    /// A plan with made-up places.
    static func example(
        host: String = "127.0.0.1", workers: Int = 1, environment: [String: String] = [:]
    ) -> StackPlan {
        StackPlan(
            host: host,
            ports: Ports(
                gateway: 8080, nats: 4001, natsMonitor: 4002, config: 4003, workers: (0..<workers).map { 4010 + $0 }),
            programs: Programs(
                sie: "/opt/sie", natsServer: "/opt/nats-server", config: "/opt/sie-config",
                gateway: "/opt/sie-gateway", worker: "/opt/sie-worker"),
            data: DataDirectory.Layout(root: "/data"), models: ["org/m"], environment: environment)
    }
}

@Suite struct StackPlanTests {
    @Test("the queue comes first, then the control plane, the workers, and the gateway last")
    func order() {
        #expect(
            StackPlan.example(workers: 2).stages.map { $0.map(\.name) } == [
                ["nats"], ["config"], ["worker-1", "worker-2"], ["gateway"],
            ])
    }

    @Test("every worker has a name and a port of its own, and the gateway knows them all")
    func workers() {
        let plan = StackPlan.example(workers: 2)
        let workers = plan.stages[2]
        #expect(workers.map { $0.environment["HOSTNAME"] } == ["worker-1", "worker-2"])
        #expect(workers.map(\.readiness.port) == [4010, 4011])
        #expect(
            plan.stages[3][0].environment["SIE_GATEWAY_WORKERS"] == "http://127.0.0.1:4010,http://127.0.0.1:4011")
        #expect(plan.workerCount == 2)
    }

    @Test("the broker sweeps its memory less often than by default, unless the user says how often")
    func broker() {
        #expect(StackPlan.example().stages[0][0].environment == ["GOGC": "400"])
        #expect(StackPlan.example(environment: ["GOGC": "150"]).stages[0][0].environment.isEmpty)
    }

    @Test("workers and gateway agree on the lane: pool, bundle and machine profile")
    func lane() {
        let plan = StackPlan.example()
        let worker = plan.stages[2][0].environment
        #expect(worker["SIE_POOL"] == "default")
        #expect(worker["SIE_BUNDLE"] == "default")
        #expect(worker["SIE_MACHINE_PROFILE"] == "cpu")
        #expect(worker["SIE_CLUSTER_ROUTING"] == "queue")
        #expect(plan.stages[3][0].environment["SIE_GATEWAY_CONFIGURED_GPUS"] == "cpu")
    }

    @Test("only the gateway listens where the user asked; everything else stays on this machine")
    func addresses() {
        let plan = StackPlan.example(host: "0.0.0.0")
        #expect(plan.stages[3][0].arguments.contains("0.0.0.0"))
        for child in plan.stages[1] + plan.stages[2] {
            #expect(child.arguments.contains("127.0.0.1"))
        }
    }

    @Test(
        "examples name an address that a client can reach",
        arguments: [
            ("127.0.0.1", "http://localhost:8080"), ("0.0.0.0", "http://localhost:8080"),
            ("10.1.2.3", "http://10.1.2.3:8080"), ("fe80::1", "http://[fe80::1]:8080"),
        ])
    func url(host: String, url: String) {
        #expect(StackPlan.example(host: host).url == url)
    }

    @Test("the acknowledgement probe carries a token where the gateway was told to check them")
    func token() {
        #expect(StackPlan.example().bearerToken == nil)
        #expect(StackPlan.example(environment: ["SIE_AUTH_TOKENS": "a"]).bearerToken == nil)
        #expect(
            StackPlan.example(environment: ["SIE_AUTH_MODE": "token", "SIE_AUTH_TOKENS": " , a, b"]).bearerToken == "a")
        #expect(
            StackPlan.example(environment: ["SIE_AUTH_MODE": "static", "SIE_AUTH_TOKEN": "c"]).bearerToken == "c")
    }
}
