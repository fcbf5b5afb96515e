import Foundation
import Glibc
import JSONStream
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Wire

@Suite("Waiting for capacity", .serialized, .timeLimit(.minutes(2)))
struct WaitingTests {
    static let body = ByteBuffer(string: #"{"items":[{"text":"abc"}]}"#)

    static func ask(_ gateway: RunningGateway, _ headers: HTTPHeaders) async throws -> HTTPTestClient.Reply {
        try await gateway.http.post("/v1/encode/org/mini", headers: headers, body: body)
    }

    static func pending(_ gateway: RunningGateway) async throws -> [JSONValue] {
        let reply = try await gateway.http.send(.GET, "/v1/demand")
        #expect(reply.status == 200)
        return try EncodeRouteTests.json(reply)["pending"]?.arrayValue ?? []
    }

    static func waitForDemand(_ gateway: RunningGateway) async throws -> JSONValue {
        let start = ContinuousClock.now
        while true {
            if let first = try await pending(gateway).first { return first }
            try #require(.now - start < .seconds(10), "no demand")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("a request that would rather wait is answered once a worker is there, and is demand until then")
    func served() async throws {
        try await StatusServer.with { worker in
            let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_WORKERS": worker.url])
            async let waiting = Self.ask(gateway, ["x-sie-wait": "30", "x-sie-machine-profile": "l4"])
            let demand = try await Self.waitForDemand(gateway)
            #expect(demand["machine_profile"] == "l4" && demand["bundle"] == "default")
            for await _ in worker.connections { break }
            worker.send(
                WorkerRegistryTests.status {
                    $0.poolName = RunningGateway.pool
                    $0.machineProfile = "l4"
                })
            let reply = try await waiting
            #expect(reply.status == 200)
            #expect(reply.text.contains("[3.0,0.5]"))
            let left = try await Self.pending(gateway)
            #expect(left.isEmpty)
        }
    }

    @Test("who does not wait is sent away at once; who waits in vain gets the same answer later")
    func inVain() async throws {
        let gateway = try await RunningGateway()
        let start = ContinuousClock.now
        let atOnce = try await Self.ask(gateway, [:])
        #expect(atOnce.status == 202)
        for value in ["0", "-1", "soon", "nan"] {
            #expect(try await Self.ask(gateway, ["x-sie-wait": value]).status == 202)
        }
        #expect(.now - start < .milliseconds(1500))
        let later = ContinuousClock.now
        let reply = try await Self.ask(gateway, ["x-sie-wait": "0.4"])
        #expect(.now - later >= .milliseconds(400))
        #expect(reply.status == 202)
        #expect(reply.text == atOnce.text)
        #expect(reply.headers.first(name: "retry-after") == "120")
    }

    @Test("a configured wait is the default, and its maximum bounds what callers ask for")
    func configured() async throws {
        let gateway = try await RunningGateway(
            environment: ["SIE_GATEWAY_DEFAULT_WAIT": "0.3", "SIE_GATEWAY_MAX_WAIT": "0.5"])
        let start = ContinuousClock.now
        #expect(try await Self.ask(gateway, [:]).status == 202)
        let middle = ContinuousClock.now
        #expect(middle - start >= .milliseconds(300))
        #expect(try await Self.ask(gateway, ["x-sie-wait": "3600"]).status == 202)
        #expect(.now - middle < .seconds(10))
    }

    @Test("a body that is no request does not wait")
    func brokenBody() async throws {
        let gateway = try await RunningGateway()
        let start = ContinuousClock.now
        let reply = try await gateway.http.post(
            "/v1/encode/org/mini", headers: ["x-sie-wait": "60"], body: ByteBuffer(string: "{"))
        #expect(reply.status == 202, "as without waiting, whatever the body")
        #expect(.now - start < .seconds(5))
    }

    @Test("a pinned pool without workers is waited for as well; shutting down ends the waiting")
    func shutdown() async throws {
        let gateway = try await RunningGateway()
        async let pinned = Self.ask(gateway, ["x-sie-wait": "60", "x-sie-pool": "nobody"])
        async let unpinned = Self.ask(gateway, ["x-sie-wait": "60"])
        _ = try await Self.waitForDemand(gateway)
        gateway.process.signal(SIGTERM)
        let (first, second) = try await (pinned, unpinned)
        #expect(first.status == 503)
        #expect(second.status == 202)
        #expect(try await gateway.process.exitStatus(within: .seconds(15)) == 0)
    }

    @Test("a client far from this release is told of in the log once, and results in the audit lines")
    func logs() async throws {
        let gateway = try await RunningGateway()
        for _ in 0..<3 {
            let reply = try await gateway.encode(
                #"{"items":[{"text":"x"}]}"#,
                headers: ["x-sie-sdk-version": "0.10.1", "authorization": "Bearer my-secret-token"])
            #expect(reply.status == 200)
        }
        let start = ContinuousClock.now
        func lines(_ text: String) -> Int {
            gateway.process.log.split(separator: "\n").count { $0.contains(text) }
        }
        while lines("proxy_request") < 3 {
            try #require(.now - start < .seconds(10), "\(gateway.process.log)")
            try await Task.sleep(for: .milliseconds(10))
        }
        #expect(lines("client SDK version skew detected") == 1)
        #expect(lines("my-secret-token") == 0)
    }
}
