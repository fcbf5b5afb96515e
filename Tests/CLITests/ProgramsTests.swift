import CLI
import Testing

@Suite struct ProgramsTests {
    private func locate(_ present: Set<String>) throws(UpError) -> Programs {
        try Programs.locate(sie: "/opt/bin/sie", path: "/usr/bin:/bin") { present.contains($0) }
    }

    @Test("programs beside sie are preferred to those in PATH")
    func beside() throws {
        let found = try locate([
            "/opt/bin/sie-config", "/usr/bin/sie-config", "/usr/bin/sie-gateway", "/bin/sie-worker",
            "/opt/bin/nats-server",
        ])
        #expect(found.config == "/opt/bin/sie-config")
        #expect(found.gateway == "/usr/bin/sie-gateway")
        #expect(found.worker == "/bin/sie-worker")
        #expect(found.natsServer == "/opt/bin/nats-server")
    }

    @Test("nats-server is found where Debian installs it, outside of an ordinary user's PATH")
    func natsServer() throws {
        let found = try locate([
            "/opt/bin/sie-config", "/opt/bin/sie-gateway", "/opt/bin/sie-worker", "/usr/sbin/nats-server",
        ])
        #expect(found.natsServer == "/usr/sbin/nats-server")
    }

    @Test("a missing nats-server is an error that says how to install it")
    func noNATSServer() {
        let error = #expect(throws: UpError.self) {
            try locate(["/opt/bin/sie-config", "/opt/bin/sie-gateway", "/opt/bin/sie-worker"])
        }
        #expect(error?.problem.hasPrefix("nats-server is not installed") == true)
        #expect(error?.remedy.contains("apt-get install nats-server") == true)
    }

    @Test("a missing program of the product is named")
    func noWorker() {
        let error = #expect(throws: UpError.self) {
            try locate(["/opt/bin/sie-config", "/opt/bin/sie-gateway", "/usr/sbin/nats-server"])
        }
        #expect(error?.problem.hasPrefix("sie-worker") == true)
    }
}
