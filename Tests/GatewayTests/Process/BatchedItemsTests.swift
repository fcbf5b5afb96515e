import JSONStream
import MessagePack
import NATSClient
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("Several work items in one message", .serialized, .timeLimit(.minutes(2)))
struct BatchedItemsTests {
    static let capability = [WorkerStatus.Capability.batchedItems]

    static func body(_ count: Int) -> String {
        let items = (0..<count).map { #"{"text":"\#(String(repeating: "x", count: $0 + 1))"}"# }
        return #"{"items":[\#(items.joined(separator: ","))]}"#
    }

    /// The first number of each vector, which is the length of the text.
    static func lengths(_ reply: HTTPTestClient.Reply) throws -> [Int?] {
        try EncodeRouteTests.json(reply)["items"]?.arrayValue?.map {
            $0["dense"]?["values"]?.arrayValue?.first?.doubleValue.map { Int($0) }
        } ?? []
    }

    static func metric(_ name: String, of gateway: RunningGateway) async throws -> Int? {
        let text = try await gateway.http.send(.GET, "/metrics").text
        return text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
            .flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
    }

    /// A gateway that knows of a worker that takes batches.
    static func start(environment: [String: String] = [:]) async throws -> RunningGateway {
        let gateway = try await RunningGateway(
            environment: ["SIE_GATEWAY_HEALTH_MODE": "nats"].merging(environment) { $1 })
        try await gateway.worker.takeBatches()
        try await announceUntil(gateway) { gateway.worker.batches.isEmpty == false }
        return gateway
    }

    /// Announces workers and asks for two texts, until the gateway is seen to have heard.
    static func announceUntil(
        _ gateway: RunningGateway, _ reports: [String: [String]] = ["test-worker": capability],
        _ isHeard: () -> Bool
    ) async throws {
        let start = ContinuousClock.now
        while true {
            for (name, capabilities) in reports { try gateway.worker.announce(capabilities, name: name) }
            #expect(try await lengths(gateway.encode(body(2))) == [1, 2])
            if isHeard() { return }
            try #require(.now - start < .seconds(10), "the gateway does not hear of its workers")
        }
    }

    @Test("the items of a request travel in few messages and are answered in their order")
    func together() async throws {
        let gateway = try await Self.start()
        let (batches, items) = (gateway.worker.batches.count, gateway.worker.items.count)
        let reply = try await gateway.encode(Self.body(150))
        #expect(reply.status == 200)
        #expect(try Self.lengths(reply) == (1...150).map { $0 })
        #expect(gateway.worker.batches.dropFirst(batches).map(\.entries.count).sorted() == [50, 50, 50])
        #expect(gateway.worker.items.count == items)
        #expect(try await Self.metric("sie_gateway_queue_batches_published_total", of: gateway) == batches + 3)
        #expect(reply.headers.first(name: "x-inference-time") == "1.3")
        // One item needs no batch, and a score request is one item.
        #expect(try await Self.lengths(gateway.encode(Self.body(1))) == [1])
        let score = try await gateway.encode(
            #"{"query":{"text":"q"},"items":[{"text":"a"},{"text":"bb"}]}"#, path: "/v1/score/org/mini")
        #expect(score.status == 200)
        #expect(gateway.worker.items.count == items + 2)
    }

    @Test("while one worker of the lane does not take batches, each item is a message of its own")
    func mixedFleet() async throws {
        let gateway = try await Self.start()
        var seen = gateway.worker.batches.count
        try await Self.announceUntil(gateway, ["other": []]) {
            defer { seen = gateway.worker.batches.count }
            return gateway.worker.batches.count == seen
        }
        let (batches, items) = (gateway.worker.batches.count, gateway.worker.items.count)
        #expect(try await Self.lengths(gateway.encode(Self.body(40))) == (1...40).map { $0 })
        #expect(gateway.worker.items.count == items + 40)
        #expect(gateway.worker.batches.count == batches)
    }

    @Test("what fails in a batch fails by itself; a batch of failures is answered with their error")
    func partialFailure() async throws {
        let gateway = try await Self.start()
        gateway.worker.behave(.failOdd)
        let partial = try await gateway.encode(Self.body(6))
        #expect(partial.status == 200)
        #expect(try Self.lengths(partial) == [1, nil, 3, nil, 5, nil])
        let errors = try EncodeRouteTests.json(partial)["errors"]?.arrayValue
        #expect(errors?.compactMap { $0["item_index"]?.intValue } == [1, 3, 5])
        gateway.worker.behave(.garbage)
        #expect(try await gateway.encode(Self.body(6)).status == 500)
    }

    @Test("results that come twice, or are none, change nothing")
    func duplicatesAndLies() async throws {
        let gateway = try await Self.start()
        gateway.worker.behave(.twice)
        for _ in 0..<20 { #expect(try await Self.lengths(gateway.encode(Self.body(9))) == (1...9).map { $0 }) }
        gateway.worker.behave(.silent)
        let before = gateway.worker.batches.count
        async let answer = gateway.encode(Self.body(5))
        while gateway.worker.batches.count == before { try await Task.sleep(for: .milliseconds(2)) }
        gateway.worker.behave(.echo)
        let batch = try #require(gateway.worker.batches.last)
        gateway.worker.lie(about: batch)
        gateway.worker.answer(batch)
        #expect(try await Self.lengths(answer) == [1, 2, 3, 4, 5])
    }

    @Test("when the last worker that takes batches gives way to one that does not, no item is lost and none is doubled")
    func rollback() async throws {
        let gateway = try await Self.start()
        gateway.worker.behave(.silent)
        let (batches, items) = (gateway.worker.batches.count, gateway.worker.items.count)
        async let answer = gateway.encode(Self.body(70))
        while gateway.worker.batches.count < batches + 2 { try await Task.sleep(for: .milliseconds(2)) }
        let open = gateway.worker.batches.dropFirst(batches)
        gateway.worker.behave(.echo)
        // One of the two is answered; then the workers change, with the other still open.
        gateway.worker.answer(try #require(open.first))
        try gateway.worker.announce([])
        let reply = try await answer
        #expect(try Self.lengths(reply) == (1...70).map { $0 })
        let reissued = try #require(open.last).entries.map(\.index)
        #expect(gateway.worker.items.dropFirst(items).map(\.itemIndex) == reissued)
        #expect(try await Self.metric("sie_gateway_queue_items_reissued_total", of: gateway) == reissued.count)
        // The batch's own answer comes too late and reaches nobody.
        gateway.worker.answer(try #require(open.last))
        #expect(try await Self.lengths(gateway.encode(Self.body(3))) == [1, 2, 3])
    }

    @Test("where the stream of batches is gone, the items go out one by one")
    func noStream() async throws {
        let gateway = try await Self.start()
        gateway.worker.batchConsumer.withLock { $0.take() }?.stop()
        try await gateway.worker.connection.jetStream.deleteStream(Subjects.batchStream(pool: RunningGateway.pool))
        let items = gateway.worker.items.count
        #expect(try await Self.lengths(gateway.encode(Self.body(30))) == (1...30).map { $0 })
        #expect(gateway.worker.items.count == items + 30)
    }

    @Test("what the broker does not take inline travels by reference within its batch")
    func references() async throws {
        let gateway = try await Self.start()
        let long = PayloadTests.long
        let reply = try await gateway.encode(#"{"items":[{"text":"ab"},{"text":"\#(long)"},{"text":"abc"}]}"#)
        #expect(try Self.lengths(reply) == [2, long.utf8.count, 3])
        let batch = try #require(gateway.worker.batches.last)
        #expect(batch.entries.map { $0.payloadRef == nil } == [true, false, true])
        try await PayloadTests.waitUntilEmpty(gateway)
    }

    @Test("large items make small batches")
    func bytes() async throws {
        let gateway = try await Self.start()
        let batches = gateway.worker.batches.count
        let text = String(repeating: "x", count: 100_000)
        let items = Array(repeating: #"{"text":"\#(text)"}"#, count: 4).joined(separator: ",")
        #expect(
            try await Self.lengths(gateway.encode(#"{"items":[\#(items)]}"#)) == Array(repeating: 100_000, count: 4))
        #expect(gateway.worker.batches.dropFirst(batches).map(\.entries.count) == [2, 2])
    }
}
