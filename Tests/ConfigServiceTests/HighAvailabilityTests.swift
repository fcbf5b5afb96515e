import ConfigService
import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Two replicas")
struct HighAvailabilityTests {
    private func add(_ id: String, to service: ProductProcess, key: String? = nil) async throws -> HTTPTestClient.Reply
    {
        let body = "sie_id: \(id)\nprofiles: {default: {adapter_path: 'acme.enc:A', max_batch_tokens: 1}}\n"
        return try await HTTPTestClient(port: service.port).post(
            "/v1/configs/models", headers: key.map { ["idempotency-key": $0] } ?? [:], body: ByteBuffer(string: body))
    }

    private func models(_ service: ProductProcess) async throws -> Set<String> {
        let reply = try await HTTPTestClient(port: service.port).send(.GET, "/v1/configs/models")
        let list = try JSONReader.decode(reply.body.readableBytesView)["models"]?.arrayValue ?? []
        return Set(list.compactMap { $0["model_id"]?.stringValue })
    }

    private func epoch(_ service: ProductProcess) async throws -> Int? {
        let reply = try await HTTPTestClient(port: service.port).send(.GET, "/v1/configs/epoch")
        return try JSONReader.decode(reply.body.readableBytesView)["epoch"]?.intValue
    }

    private func isWriter(_ service: ProductProcess) async throws -> Bool {
        try await HTTPTestClient(port: service.port).send(.GET, "/metrics").text.contains("sie_config_is_writer 1")
    }

    /// What the replicas share.
    enum Store: CaseIterable, Sendable {
        case directory
        case s3
        case googleCloud

        var storage: ObjectStorageProcess.Kind? {
            switch self {
            case .directory: nil
            case .s3: .s3
            case .googleCloud: .googleCloud
            }
        }
    }

    @Test(
        "one of two replicas writes, the other reads and refuses; killed, it is followed; stopped and continued, it cannot write",
        arguments: Store.allCases)
    func failover(_ store: Store) async throws {
        let nats = try await NATSServerProcess()
        let folder = try ConfigServiceFolder()
        var storage: ObjectStorageProcess?
        if let kind = store.storage { storage = try await ObjectStorageProcess(kind) }
        var environment = [
            "SIE_NATS_URL": nats.url, "SIE_CONFIG_HA": "nats", "SIE_CONFIG_HA_LEASE_SECONDS": "1.5",
            "POD_NAME": "sie-config-0",
        ]
        if let storage {
            environment.merge(storage.environment) { $1 }
            environment["SIE_CONFIG_STORE_DIR"] = storage.location("shared")
        }
        let first = try await folder.serve(environment)
        try await eventually("the first replica writes") { try await isWriter(first) }
        let second = try await folder.serve(environment.merging(["POD_NAME": "sie-config-1"]) { $1 })
        let told = try await add("a/one", to: first, key: "k1")
        #expect(told.status == 201)

        // The follower shows what was written, and says whom to ask for writes, and when.
        try await eventually("the follower shows the model") { try await models(second) == ["a/one"] }
        let epochOfFollower = try await epoch(second)
        #expect(epochOfFollower == 1)
        let refused = try await add("a/two", to: second)
        #expect(refused.status == 503 && refused.headers.first(name: "retry-after") == "1")
        #expect(refused.text.contains("not_the_writer"))

        // A stopped writer loses the key; what it says after that is not written, and what it knows it gets from the store.
        first.signal(SIGSTOP)
        try await eventually("the second replica writes") { try await add("a/three", to: second).status == 201 }
        first.signal(SIGCONT)
        let late = try await add("a/late", to: first)
        #expect(late.status == 503, "a replica that was stopped wrote: \(late.text)")
        try await eventually("the first follows") { try await models(first) == ["a/one", "a/three"] }

        // The keyed answer of one writer is repeated by the next, byte for byte; nothing is applied twice.
        let again = try await add("a/one", to: second, key: "k1")
        #expect(again.status == 201 && again.text == told.text)
        let epochOfSecond = try await epoch(second)
        #expect(epochOfSecond == 2)

        second.signal(SIGKILL)
        try await eventually("the first writes again") { try await add("a/four", to: first).status == 201 }
        let all = try await models(first)
        #expect(all == ["a/one", "a/three", "a/four"])
        let last = try await epoch(first)
        #expect(last == 3)
    }

    @Test("a writer that ends in order gives the key up at once")
    func resignation() async throws {
        let nats = try await NATSServerProcess()
        let folder = try ConfigServiceFolder()
        let environment = [
            "SIE_NATS_URL": nats.url, "SIE_CONFIG_HA": "nats", "SIE_CONFIG_HA_LEASE_SECONDS": "60",
        ]
        let first = try await folder.serve(environment)
        try await eventually("the first replica writes") { try await isWriter(first) }
        first.signal(SIGTERM)
        #expect(try await first.exitStatus(within: .seconds(10)) == 0)
        // Had the key to expire first, this would take a minute.
        let second = try await folder.serve(environment)
        try await eventually("the second replica writes") { try await isWriter(second) }
    }
}

@Suite("Election")
struct ElectionStateMachineTests {
    private let start = ContinuousClock.now

    @Test("a replica tries at once, and again after a fifth of the lease while another holds the key")
    func following() {
        var machine = ElectionStateMachine(lease: .seconds(10), now: start)
        #expect(machine.next(at: start) == .acquire)
        machine.lost(at: start)
        #expect(machine.next(at: start) == .wait(until: start + .seconds(2)))
        #expect(machine.next(at: start + .seconds(2)) == .acquire)
        #expect(machine.term(at: start + .seconds(2)) == nil)
    }

    @Test("who holds the key renews it in time, and stops believing before it expires")
    func leading() {
        var machine = ElectionStateMachine(lease: .seconds(9), now: start)
        machine.held(term: 5, askedAt: start)
        #expect(machine.next(at: start) == .wait(until: start + .seconds(3)))
        #expect(machine.next(at: start + .seconds(3)) == .renew(term: 5))
        machine.failed(at: start + .seconds(4))
        #expect(machine.term(at: start + .seconds(8)) == 5)
        #expect(machine.term(at: start + .seconds(9)) == nil)
        #expect(machine.next(at: start + .seconds(9)) == .acquire)
        machine.held(term: 8, askedAt: start + .seconds(9))
        #expect(machine.term(at: start + .seconds(10)) == 8)
    }

    @Test("a replica whose attempt was not answered tries again soon, however long the lease is")
    func unanswered() {
        var machine = ElectionStateMachine(lease: .seconds(60), now: start)
        #expect(machine.next(at: start) == .acquire)
        machine.failed(at: start + .seconds(1))
        #expect(machine.next(at: start + .seconds(1)) == .wait(until: start + .milliseconds(1500)))
        #expect(machine.next(at: start + .milliseconds(1500)) == .acquire)
    }

    @Test("a renewal that fails is tried again until the lease is over, and one that is refused ends it")
    func losing() {
        var machine = ElectionStateMachine(lease: .seconds(10), now: start)
        machine.held(term: 1, askedAt: start)
        machine.failed(at: start + .seconds(4))
        #expect(machine.next(at: start + .seconds(5)) == .renew(term: 1))
        machine.lost(at: start + .seconds(5))
        #expect(machine.term(at: start + .seconds(5)) == nil)
        #expect(machine.next(at: start + .seconds(5)) == .wait(until: start + .seconds(7)))
    }
}
