import TestSupport
import Testing

@Suite("An account that may not publish messages with several items", .serialized, .timeLimit(.minutes(2)))
struct BatchPermissionTests {
    @Test("each item is a message of its own, those whose message was dropped among them, and nobody waits for long")
    func denied() async throws {
        let gateway = try await RunningGateway(
            environment: ["SIE_GATEWAY_HEALTH_MODE": "nats", "SIE_GATEWAY_EVENT_LOOPS": "1"],
            natsConfiguration: """
                authorization {
                  users: [
                    { user: worker, password: w }
                    { user: gateway, password: g, permissions: { publish: { deny: ["sie.batch.>"] } } }
                  ]
                }
                no_auth_user: worker
                """,
            credentials: "gateway:g")
        try await gateway.worker.takeBatches()
        // Every request is answered, whether or not the gateway has heard of the worker and tried.
        try await BatchedItemsTests.announceUntil(gateway) { gateway.process.log.contains("sie.batch.>") }
        let start = ContinuousClock.now
        let reply = try await gateway.encode(BatchedItemsTests.body(100))
        #expect(try BatchedItemsTests.lengths(reply) == (1...100).map { $0 })
        let connections = try await KeptConnections(8, to: gateway)
        for _ in 0..<5 {
            #expect(try await CoalescedRequestsTests.lengths(connections.askTogether()) == (1...8).map { $0 })
        }
        // Far from the 30 s after which a request without a result is given up.
        #expect(.now - start < .seconds(15))
        #expect(gateway.worker.batches.isEmpty && gateway.worker.coalesced.isEmpty)
        #expect(try await BatchedItemsTests.metric("sie_gateway_queue_items_reissued_total", of: gateway) ?? 0 > 0)
        await connections.close()
    }
}
