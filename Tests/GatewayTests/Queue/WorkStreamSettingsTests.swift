import Gateway
import NATSClient
import TestSupport
import Testing

@Suite("The work stream that a gateway creates")
struct WorkStreamSettingsTests {
    @Test("it is what workers create, so that whoever comes first, the other one can start; full, it refuses")
    func settings() {
        let stream = WorkStreamSettings.configuration(pool: "l4")
        #expect(stream.name == "WORK_POOL_l4" && stream.subjects == ["sie.work.*.l4"])
        #expect(stream.retention == .workQueue && stream.storage == .memory && stream.discard == .new)
        #expect(stream.maxMessages == 100_000 && stream.maxAge == .seconds(120) && stream.replicas == 1)
    }

    @Test("a message that the broker refuses fails its request at once, with the broker's reason")
    func refusedMessage() async throws {
        let gateway = try await RunningGateway()
        let jetStream = gateway.worker.connection.jetStream
        var stream = try await jetStream.streamInfo("WORK_POOL_\(RunningGateway.pool)").config
        stream.maxMessageSize = 16
        try await jetStream.updateStream(stream)
        let start = ContinuousClock.now
        let reply = try await gateway.encode(#"{"items":[{"text":"x"},{"text":"y"}]}"#)
        #expect(.now - start < .seconds(10), "not only when the 30 seconds of the request are over")
        #expect(reply.status == 503)
        #expect(reply.text.contains("Queue publish failed: ") && reply.text.contains("size"))
        stream.maxMessageSize = -1
        try await jetStream.updateStream(stream)
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
    }
}
