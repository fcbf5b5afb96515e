import Gateway
import NATSClient
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing
import Wire

@Suite("Requests that come together", .serialized, .timeLimit(.minutes(2)))
struct CoalescedRequestsTests {
    /// A gateway with one event loop, so that what lies on several connections comes in one turn, and connections to it.
    static func start(connections: Int) async throws -> (RunningGateway, KeptConnections) {
        let gateway = try await BatchedItemsTests.start(environment: ["SIE_GATEWAY_EVENT_LOOPS": "1"])
        return (gateway, try await KeptConnections(connections, to: gateway))
    }

    /// What the worker has got since a moment.
    struct Work {
        private let gateway: RunningGateway
        private let before: (messages: Int, items: Int)

        init(_ gateway: RunningGateway) {
            self.gateway = gateway
            before = (gateway.worker.coalesced.count, gateway.worker.items.count)
        }

        /// The items of each message with several.
        var coalesced: [[WorkItem]] { Array(gateway.worker.coalesced.dropFirst(before.messages)) }
        /// The items that came singly.
        var singles: [WorkItem] { Array(gateway.worker.items.dropFirst(before.items)) }
        var count: Int { coalesced.reduce(singles.count) { $0 + $1.count } }

        func arrives(_ count: Int) async throws {
            try await eventually("\(count) work items") { self.count >= count }
        }
    }

    static func lengths(_ replies: [EventLoopFuture<KeptConnections.Reply>]) async throws -> [Int?] {
        var lengths: [Int?] = []
        for reply in replies { lengths.append(try await reply.get().length) }
        return lengths
    }

    static func metric(_ name: String, of gateway: RunningGateway) async throws -> Int {
        try await BatchedItemsTests.metric(name, of: gateway) ?? -1
    }

    @Test("what comes in one turn travels together, each with what is its own, and each caller gets its own answer")
    func together() async throws {
        let (gateway, connections) = try await Self.start(connections: 8)
        let work = Work(gateway)
        let score = #"{"query":{"text":"q"},"items":[{"text":"a"},{"text":"bb"}]}"#
        func trace(_ number: Int) -> String { "00-4bf92f3577b34da6a3ce929d0e0e473\(number)-00f067aa0ba902b7-01" }
        let replies = try await connections.askTogether { connections in
            var replies: [EventLoopFuture<KeptConnections.Reply>] = []
            for place in 0..<7 {
                let headers: HTTPHeaders = ["traceparent": trace(place)]
                replies.append(
                    try await connections.write(KeptConnections.text(place + 1), on: place, headers: headers))
            }
            return replies + [try await connections.write(score, on: 7, path: "/v1/score/org/mini")]
        }
        #expect(try await Self.lengths(Array(replies.prefix(7))) == (1...7).map { $0 })
        #expect(try await replies[7].get().status == 200)
        let items = work.coalesced.flatMap(\.self)
        #expect(work.coalesced.contains { $0.count >= 2 })
        #expect(work.count == 8)
        // Each is the work item it would have been by itself.
        #expect(Set(items.map(\.requestID)).count == items.count)
        for item in items {
            #expect(item.itemIndex == 0 && item.workItemID == "\(item.requestID).0")
            #expect(item.totalItems == 1 && item.modelID == RunningGateway.model && item.pool == RunningGateway.pool)
            #expect(item.replySubject == Subjects.results(router: item.routerID, request: item.requestID))
            #expect((item.traceParent == nil) == (item.operation == "score"))
        }
        let traces = items.compactMap(\.traceParent).map { $0.prefix(35) }
        #expect(Set(traces).count == traces.count)
        #expect(try await Self.metric("sie_gateway_queue_requests_coalesced_total", of: gateway) >= items.count)
        await connections.close()
    }

    @Test("a request that is alone in its turn is the ordinary message")
    func alone() async throws {
        let (gateway, connections) = try await Self.start(connections: 1)
        let work = Work(gateway)
        for length in 1...20 {
            #expect(try await connections.write(KeptConnections.text(length), on: 0).get().length == length)
        }
        #expect(work.singles.count == 20 && work.coalesced.isEmpty)
        await connections.close()
    }

    @Test("no worker gets more than its share of a turn")
    func shares() async throws {
        let (gateway, connections) = try await Self.start(connections: 6)
        for name in ["second", "third"] { try gateway.worker.announce(BatchedItemsTests.capability, name: name) }
        // When the gateway has heard, three texts are three messages.
        try await eventually("the gateway hears of two more workers") {
            let batches = gateway.worker.batches.count
            _ = try await gateway.encode(BatchedItemsTests.body(3))
            return gateway.worker.batches.count == batches
        }
        let work = Work(gateway)
        for _ in 0..<10 {
            #expect(try await Self.lengths(connections.askTogether()) == (1...6).map { $0 })
        }
        #expect(!work.coalesced.isEmpty && work.coalesced.allSatisfy { $0.count <= 2 })
        await connections.close()
    }

    @Test("a caller that leaves takes nobody along, before the turn is over and after")
    func leaving() async throws {
        let (gateway, connections) = try await Self.start(connections: 6)
        var replies = try await connections.askTogether { connections in
            var replies: [EventLoopFuture<KeptConnections.Reply>] = []
            for place in 0..<6 {
                replies.append(try await connections.write(KeptConnections.text(place + 1), on: place))
            }
            try await connections.close(0)
            return replies
        }
        #expect(try await Self.lengths(Array(replies.dropFirst())) == (2...6).map { $0 })
        gateway.worker.behave(.silent)
        let work = Work(gateway)
        replies = try await connections.askTogether { connections in
            var replies: [EventLoopFuture<KeptConnections.Reply>] = []
            for place in 1..<6 { replies.append(try await connections.write(KeptConnections.text(place), on: place)) }
            return replies
        }
        try await work.arrives(5)
        try await connections.close(1)
        gateway.worker.behave(.echo)
        for message in work.coalesced { gateway.worker.answer(message) }
        for item in work.singles { gateway.worker.answer(item) }
        #expect(try await Self.lengths(Array(replies.dropFirst())) == (2...5).map { $0 })
        await connections.close()
    }

    @Test("results that come twice, or are none, change nothing")
    func duplicatesAndLies() async throws {
        let (gateway, connections) = try await Self.start(connections: 5)
        gateway.worker.behave(.twice)
        for _ in 0..<10 { #expect(try await Self.lengths(connections.askTogether()) == (1...5).map { $0 }) }
        gateway.worker.behave(.silent)
        let work = Work(gateway)
        let replies = try await connections.askTogether()
        try await work.arrives(5)
        #expect(!work.coalesced.isEmpty)
        gateway.worker.behave(.echo)
        for message in work.coalesced {
            gateway.worker.lie(about: message)
            gateway.worker.answer(message)
        }
        for item in work.singles { gateway.worker.answer(item) }
        #expect(try await Self.lengths(replies) == (1...5).map { $0 })
        await connections.close()
    }

    @Test("one that fails fails by itself")
    func failure() async throws {
        let (gateway, connections) = try await Self.start(connections: 4)
        gateway.worker.behave(.fail(code: "inference_error", message: "no"))
        for reply in try await connections.askTogether() { #expect(try await reply.get().status >= 400) }
        gateway.worker.behave(.echo)
        #expect(try await Self.lengths(connections.askTogether()) == [1, 2, 3, 4])
        await connections.close()
    }

    @Test("when the last worker that takes several items gives way to one that does not, no request is lost or doubled")
    func rollback() async throws {
        let (gateway, connections) = try await Self.start(connections: 6)
        gateway.worker.behave(.silent)
        let work = Work(gateway)
        let replies = try await connections.askTogether()
        try await work.arrives(6)
        let (open, alone) = (work.coalesced, work.singles)
        #expect(!open.isEmpty)
        gateway.worker.behave(.echo)
        for item in alone { gateway.worker.answer(item) }
        try gateway.worker.announce([])
        #expect(try await Self.lengths(replies) == (1...6).map { $0 })
        // What went out before comes again, each by itself and otherwise the same.
        let again = work.singles.dropFirst(alone.count)
        #expect(again.map(\.requestID).sorted() == open.flatMap(\.self).map(\.requestID).sorted())
        #expect(again.allSatisfy { open.flatMap(\.self).contains($0) })
        let reissued = try await Self.metric("sie_gateway_queue_items_reissued_total", of: gateway)
        #expect(reissued == again.count)
        // Their first message's answer comes too late and reaches nobody.
        for message in open { gateway.worker.answer(message) }
        #expect(try await Self.lengths(connections.askTogether()) == (1...6).map { $0 })
        await connections.close()
    }

    @Test("where the stream of batches is gone, each goes out by itself")
    func noStream() async throws {
        let (gateway, connections) = try await Self.start(connections: 6)
        gateway.worker.batchConsumer.withLock { $0.take() }?.stop()
        try await gateway.worker.connection.jetStream.deleteStream(Subjects.batchStream(pool: RunningGateway.pool))
        let work = Work(gateway)
        #expect(try await Self.lengths(connections.askTogether()) == (1...6).map { $0 })
        #expect(work.singles.count == 6)
        await connections.close()
    }

    @Test("a large text does not wait for others")
    func large() async throws {
        let (gateway, connections) = try await Self.start(connections: 3)
        let work = Work(gateway)
        let length = WorkTurn.maximumBodyBytes + 500
        let replies = try await connections.askTogether { connections in
            var replies: [EventLoopFuture<KeptConnections.Reply>] = []
            for place in 0..<3 { replies.append(try await connections.write(KeptConnections.text(length), on: place)) }
            return replies
        }
        #expect(try await Self.lengths(replies) == Array(repeating: length, count: 3))
        #expect(work.singles.count == 3 && work.coalesced.isEmpty)
        await connections.close()
    }
}
