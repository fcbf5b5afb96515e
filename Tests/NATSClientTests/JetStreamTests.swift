import Foundation
import NATSClient
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite("JetStream against real servers")
struct JetStreamTests {
    private func workQueue(_ name: String = "WORK_POOL_default") -> StreamConfiguration {
        var stream = StreamConfiguration(name: name, subjects: ["sie.work.*.default"])
        stream.retention = .workQueue
        stream.storage = .memory
        stream.maxAge = .seconds(120)
        stream.maxMessages = 100_000
        stream.discard = .new
        return stream
    }

    private func durable() -> ConsumerConfiguration {
        var consumer = ConsumerConfiguration(durableName: "default_default", filterSubject: "sie.work.*.default")
        consumer.ackWait = .seconds(30)
        consumer.maxDeliver = 20
        consumer.maxAckPending = 1000
        return consumer
    }

    @Test("a stream is created, read back, updated, purged and deleted", arguments: NATSServerProcess.Release.installed)
    func streams(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            let created = try await jetStream.createStream(workQueue())
            #expect(created.config.maxAge == .seconds(120))
            #expect(created.config.retention == .workQueue)
            #expect(created.config.discard == .new)
            #expect(created.config.storage == .memory)
            #expect(created.state.messages == 0)
            var changed = workQueue()
            changed.maxMessages = 5
            #expect(try await jetStream.updateStream(changed).config.maxMessages == 5)
            for number in 0..<5 {
                let ack = try await jetStream.publish("sie.work.m.default", payload: ByteBuffer(string: "\(number)"))
                #expect(ack == PubAck(stream: "WORK_POOL_default", sequence: UInt64(number + 1)))
            }
            let stored = try await jetStream.message(stream: "WORK_POOL_default", sequence: 3)
            #expect(stored.payload.text == "2")
            #expect(stored.subject == "sie.work.m.default")
            try await jetStream.deleteMessage(stream: "WORK_POOL_default", sequence: 3)
            #expect(try await jetStream.streamInfo("WORK_POOL_default").state.messages == 4)
            #expect(try await jetStream.purgeStream("WORK_POOL_default") == 4)
            try await jetStream.deleteStream("WORK_POOL_default")
            await #expect(throws: NATSError.self) { try await jetStream.streamInfo("WORK_POOL_default") }
        }
    }

    @Test(
        "creating a stream that exists differs by settings: refused with 10058, accepted by ensure",
        arguments: NATSServerProcess.Release.installed)
    func existingStream(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            var gateway = workQueue()
            gateway.maxAge = .seconds(60)
            gateway.discard = .old
            try await jetStream.createStream(gateway)
            do {
                try await jetStream.createStream(workQueue())
                Issue.record("the server took other settings")
            } catch NATSError.jetStream(let error) {
                #expect(error.errorCode == JetStreamAPIError.streamNameInUse)
                #expect(error.code == 400)
            }
            #expect(try await jetStream.ensureStream(workQueue()).config.maxAge == .seconds(60))
        }
    }

    @Test("a consumer is created, read back, updated and deleted", arguments: NATSServerProcess.Release.installed)
    func consumers(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await jetStream.createStream(workQueue())
            let info = try await jetStream.createConsumer(stream: "WORK_POOL_default", durable())
            #expect(info.name == "default_default")
            #expect(info.config.ackWait == .seconds(30))
            #expect(info.config.maxDeliver == 20)
            #expect(info.config.maxAckPending == 1000)
            var changed = durable()
            changed.ackWait = .seconds(40)
            try await jetStream.createConsumer(stream: "WORK_POOL_default", changed)
            #expect(
                try await jetStream.consumerInfo(stream: "WORK_POOL_default", name: "default_default").config.ackWait
                    == .seconds(40))
            var second = durable()
            second.durableName = "other_default"
            do {
                try await jetStream.createConsumer(stream: "WORK_POOL_default", second)
                Issue.record("the server took an overlapping consumer")
            } catch NATSError.jetStream(let error) {
                #expect(error.errorCode == JetStreamAPIError.consumerNotUnique)
            }
            try await jetStream.deleteConsumer(stream: "WORK_POOL_default", name: "default_default")
            do {
                _ = try await jetStream.consumerInfo(stream: "WORK_POOL_default", name: "default_default")
                Issue.record("the consumer is still there")
            } catch NATSError.jetStream(let error) {
                #expect(error.errorCode == JetStreamAPIError.consumerNotFound)
            }
        }
    }

    @Test(
        "a pull consumer gets every message once and acks empty the queue",
        arguments: NATSServerProcess.Release.installed)
    func pull(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await jetStream.createStream(workQueue())
            try await jetStream.createConsumer(stream: "WORK_POOL_default", durable())
            let messages = try await jetStream.messages(stream: "WORK_POOL_default", consumer: "default_default")
            let acks = Counts()
            for number in 0..<1000 {
                try jetStream.publish(
                    "sie.work.m.default", sizeHint: 8, write: { $0.writeString("\(number)") },
                    onAck: { if let ack = try? $0.get() { acks.add(member: 0, text: "\(ack.sequence)") } })
            }
            let iterator = messages.makeAsyncIterator()
            for number in 0..<1000 {
                let message = try #require(await iterator.next())
                #expect(message.payload.text == "\(number)")
                let metadata = try #require(message.metadata)
                #expect(metadata.stream == "WORK_POOL_default")
                #expect(metadata.consumer == "default_default")
                #expect(metadata.deliveryCount == 1)
                #expect(metadata.streamSequence == UInt64(number + 1))
                try message.ack()
            }
            try await connection.flush()
            #expect(acks.texts == (1...1000).map(String.init))
            // The server takes acknowledgements in its own time.
            var left = try await jetStream.streamInfo("WORK_POOL_default").state.messages
            for _ in 0..<500 where left > 0 {
                try await Task.sleep(for: .milliseconds(10))
                left = try await jetStream.streamInfo("WORK_POOL_default").state.messages
            }
            #expect(left == 0)
        }
    }
}
