import Foundation
import JSONStream
import MessagePack
import NATSClient
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@Suite("Faults around the gateway", .serialized)
struct FaultTests {
    @Test("no result in time is a coded 503 that asks for another try")
    func timeout() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_REQUEST_TIMEOUT": "0.5"])
        gateway.worker.behave(.silent)
        let reply = try await gateway.encode(#"{"items":[{"text":"x"}]}"#)
        #expect(reply.status == 503)
        #expect(reply.headers.first(name: "retry-after") == "5")
        #expect(reply.headers.first(name: "x-sie-error-code") == "MODEL_LOADING")
        #expect(reply.text.contains("Model 'org/mini' did not respond within 0.5s"))
        gateway.worker.behave(.echo)
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
    }

    @Test("a worker that lies about ids, indexes and shapes changes no answer and is counted")
    func lies() async throws {
        let gateway = try await RunningGateway()
        gateway.worker.behave(.lie)
        for count in [1, 3] {
            let texts = (1...count).map { #"{"text":"\#(String(repeating: "x", count: $0))"}"# }
            let reply = try await gateway.encode(#"{"items":[\#(texts.joined(separator: ","))]}"#)
            #expect(reply.status == 200)
            let lengths = try EncodeRouteTests.json(reply)["items"]?.arrayValue?.map {
                $0["dense"]?["values"]?.arrayValue?.first?.doubleValue
            }
            #expect(lengths == (1...count).map { Double($0) })
        }
        let metrics = try await gateway.http.send(.GET, "/metrics").text
        let skips = metrics.split(separator: "\n").first { $0.hasPrefix("sie_gateway_queue_inbox_skips_total ") }
        #expect(skips.flatMap { Double($0.split(separator: " ")[1]) } ?? 0 >= 40)
    }

    @Test("a result of a shape that no client could read fails its item, whatever was asked")
    func shapes() async throws {
        let gateway = try await RunningGateway()
        let text = #"{"items":[{"text":"x"}],"query":{"text":"q"}}"#
        // An integer, a text, an array, two values, half a map, and a map of a map of a map of ...
        let shapes: [[UInt8]] = [
            [5], [0xA1, 0x61], [0x91, 0x80], [0x80, 0x80], [0x82, 0xA1, 0x61],
            (0..<5000).flatMap { _ in [0x81, 0xA1, 0x61] } + [0xC0], [],
        ]
        for bytes in shapes {
            gateway.worker.behave(.answer(bytes))
            for operation in ["encode", "score", "extract"] {
                let reply = try await gateway.encode(text, path: "/v1/\(operation)/org/mini")
                #expect(reply.status == 500, "\(bytes.prefix(4)) for \(operation): \(reply.text.prefix(200))")
                #expect(reply.text.contains("the worker's result"))
            }
        }
        gateway.worker.behave(.answer([0x91, 0x80]))
        let short = try await gateway.encode(
            #"{"items":[{"text":"x"},{"text":"y"}],"query":{"text":"q"}}"#, path: "/v1/score/org/mini")
        #expect(short.status == 500 && short.text.contains("the worker's result scores 1 of 2 items"))
        // Whose score is whose is said by the ids alone.
        let entry: MessagePackValue = ["item_id": "b", "score": 1.0, "rank": 0]
        gateway.worker.behave(.answer(MessagePackWriter.encode([entry])))
        for (item, status) in [(#"{"id":"a"}"#, 500), (#"{"id":"b"}"#, 200), (#"{"text":"no id"}"#, 500)] {
            let reply = try await gateway.encode(
                #"{"items":[\#(item)],"query":{"text":"q"}}"#, path: "/v1/score/org/mini")
            #expect(reply.status == status, "\(item): \(reply.text)")
            if status == 500 { #expect(reply.text.contains("the worker's result scores items that were not sent")) }
        }
        gateway.worker.behave(.echo)
        #expect(try await gateway.encode(text).status == 200)
    }

    @Test("a pool whose workers have gone is told so at once, though their consumer is still there")
    func absentConsumers() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_REQUEST_TIMEOUT": "0.5"])
        gateway.worker.stopPulling()
        // What the broker still gave away to a pull of before would count as being worked on for 30 s.
        try await gateway.worker.connection.flush()
        let start = ContinuousClock.now
        var reply: HTTPTestClient.Reply
        repeat {
            // What is published before the absence is noticed runs out of its time.
            reply = try await gateway.encode(#"{"items":[{"text":"x"}]}"#)
            #expect(reply.status == 503)
            try #require(.now - start < .seconds(20), "\(gateway.process.log.suffix(2000))")
        } while reply.text.contains("did not respond")
        #expect(reply.headers.first(name: "retry-after") == "120")
        #expect(reply.text.contains("no consumers available for work stream"))
        try await gateway.worker.listen()
        while try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status != 200 {
            try #require(.now - start < .seconds(30))
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test("without a NATS URL every request that reaches the queue is refused at once")
    func noQueue() async throws {
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = try await RunningGateway.start(folder: folder, environment: ["SIE_NATS_URL": ""])
        let reply = try await HTTPTestClient(port: process.port).post(
            "/v1/encode/org/mini", body: ByteBuffer(string: #"{"items":[{"text":"x"}]}"#))
        #expect(reply.status == 503)
        #expect(reply.text.contains("Rust gateway is queue-only, but NATS JetStream is unavailable"))
        #expect(!reply.headers.contains(name: "retry-after"))
    }

    @Test("a gateway that starts before its broker serves once the broker is there")
    func brokerLate() async throws {
        let nats = try await NATSServerProcess()
        nats.kill()
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = try await RunningGateway.start(folder: folder, environment: ["SIE_NATS_URL": nats.url])
        let http = HTTPTestClient(port: process.port)
        func status() async throws -> Int {
            try await http.post(
                "/v1/encode/org/mini", headers: ["x-sie-pool": "test"],
                body: ByteBuffer(string: #"{"items":[{"text":"x"}]}"#)
            ).status
        }
        #expect(try await status() == 503)
        try await nats.start()
        let worker = try await TestWorker(url: nats.url, pool: "test")
        let start = ContinuousClock.now
        while try await status() != 200 {
            try #require(.now - start < .seconds(15), "\(process.log)")
            try await Task.sleep(for: .milliseconds(50))
        }
        withExtendedLifetime(worker) {}
    }

    @Test("the broker killed under load costs 503s, never a wrong, double or hanging answer, and service resumes")
    func brokerKilled() async throws {
        let gateway = try await RunningGateway()
        let end = ContinuousClock.now + .seconds(8)
        let outcomes = try await withThrowingTaskGroup(of: [Int: Int].self) { tasks in
            for caller in 1...16 {
                tasks.addTask {
                    var statuses: [Int: Int] = [:]
                    var round = 0
                    while ContinuousClock.now < end {
                        round += 1
                        let length = caller * 100 + round % 100
                        let begun = ContinuousClock.now
                        let reply = try await gateway.encode(
                            #"{"items":[{"text":"\#(String(repeating: "x", count: length))"}]}"#)
                        #expect(.now - begun < .seconds(10), "no request hangs")
                        statuses[reply.status, default: 0] += 1
                        if reply.status == 200 {
                            #expect(reply.text.contains("[\(length).0,0.5]"), "the answer is the caller's own")
                        } else {
                            #expect(reply.status == 503)
                            try await Task.sleep(for: .milliseconds(20))
                        }
                    }
                    return statuses
                }
            }
            try await Task.sleep(for: .seconds(1))
            gateway.nats.kill()
            try await Task.sleep(for: .seconds(5))
            try await gateway.nats.start()
            try await gateway.worker.connection.waitUntilConnected(timeout: .seconds(10))
            try await gateway.worker.listen()
            return try await tasks.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
        #expect(outcomes[503, default: 0] > 0)
        #expect(outcomes[200, default: 0] > 0)
        #expect(Set(outcomes.keys) == [200, 503])
        #expect(gateway.process.isRunning)
        try await gateway.waitUntilServing()
    }

    @Test("SIGTERM answers what is open and exits cleanly")
    func shutdown() async throws {
        let gateway = try await RunningGateway(environment: ["SIE_GATEWAY_REQUEST_TIMEOUT": "1"])
        gateway.worker.behave(.silent)
        async let open = gateway.encode(#"{"items":[{"text":"x"}]}"#)
        let before = gateway.worker.items.count
        while gateway.worker.items.count == before { try await Task.sleep(for: .milliseconds(5)) }
        gateway.process.signal(SIGTERM)
        #expect(try await open.status == 503)
        #expect(try await gateway.process.exitStatus(within: .seconds(10)) == 0)
    }

    @Test("a port in use is named, and the exit code is 1")
    func portInUse() async throws {
        let gateway = try await RunningGateway()
        let folder = try RunningGateway.writeSeeds()
        defer { try? FileManager.default.removeItem(at: folder) }
        let second = try ProgramProcess(
            try Tools.product("sie-gateway"),
            arguments: [
                "serve", "--host", "127.0.0.1", "--port", "\(gateway.process.port)",
                "--bundles-dir", folder.path, "--models-dir", folder.path,
            ])
        #expect(try await second.exitCode(within: .seconds(10)) == 1)
        #expect(second.standardError.contains("\(gateway.process.port)"))
    }
}
