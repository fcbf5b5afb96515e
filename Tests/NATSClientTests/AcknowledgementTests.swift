import Foundation
import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("Acknowledgements other than 'done', as the server's consumer sees them")
struct AcknowledgementTests {
    private static let stream = "WORK"
    private static let consumer = "worker"

    /// Hands over a work queue with one consumer of this ack wait.
    private func withQueue(
        _ release: NATSServerProcess.Release, ackWait: Duration,
        _ body: (NATSConnection, PulledMessages.AsyncIterator) async throws -> Void
    ) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            var queue = StreamConfiguration(name: Self.stream, subjects: ["work"])
            queue.retention = .workQueue
            queue.storage = .memory
            try await connection.jetStream.createStream(queue)
            var durable = ConsumerConfiguration(durableName: Self.consumer)
            durable.ackWait = ackWait
            try await connection.jetStream.createConsumer(stream: Self.stream, durable)
            let messages = try await connection.jetStream.messages(stream: Self.stream, consumer: Self.consumer)
            try await body(connection, messages.makeAsyncIterator())
        }
    }

    private func publish(_ text: String, on connection: NATSConnection) async throws {
        _ = try await connection.jetStream.publish("work", payload: ByteBuffer(string: text))
    }

    private func info(_ connection: NATSConnection) async throws -> ConsumerInfo {
        try await connection.jetStream.consumerInfo(stream: Self.stream, name: Self.consumer)
    }

    @Test(
        "nak brings a message back long before its ack wait", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func nak(release: NATSServerProcess.Release) async throws {
        try await withQueue(release, ackWait: .seconds(300)) { connection, messages in
            try await publish("a", on: connection)
            let first = try #require(await messages.next())
            #expect(first.metadata?.deliveryCount == 1)
            try first.nak()
            let second = try #require(await messages.next())
            #expect(second.payload.text == "a")
            #expect(second.metadata?.deliveryCount == 2)
            #expect(second.metadata?.streamSequence == first.metadata?.streamSequence)
            let state = try await info(connection)
            #expect(state.redeliveredCount == 1)
            #expect(state.ackPendingCount == 1)
            try await second.ackConfirmed()
            #expect(try await info(connection).ackPendingCount == 0)
        }
    }

    @Test(
        "nak with a delay brings a message back after the delay, not before", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func delayedNak(release: NATSServerProcess.Release) async throws {
        try await withQueue(release, ackWait: .seconds(300)) { connection, messages in
            try await publish("a", on: connection)
            let first = try #require(await messages.next())
            let delay = Duration.milliseconds(400)
            let start = ContinuousClock.now
            try first.nak(delay: delay)
            // A message that is not put off overtakes it.
            try await publish("b", on: connection)
            let overtaking = try #require(await messages.next())
            #expect(overtaking.payload.text == "b")
            try await overtaking.ackConfirmed()
            let second = try #require(await messages.next())
            #expect(ContinuousClock.now - start >= delay)
            #expect(second.payload.text == "a")
            #expect(second.metadata?.deliveryCount == 2)
            try await second.ackConfirmed()
            #expect(try await info(connection).ackPendingCount == 0)
        }
    }

    @Test(
        "term takes a message out of the queue undone", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func term(release: NATSServerProcess.Release) async throws {
        let ackWait = Duration.milliseconds(500)
        try await withQueue(release, ackWait: ackWait) { connection, messages in
            try await publish("a", on: connection)
            let first = try #require(await messages.next())
            try first.term()
            // The server takes it in its own time.
            var state = try await info(connection)
            while state.ackPendingCount > 0 { state = try await info(connection) }
            #expect(try await connection.jetStream.streamInfo(Self.stream).state.messages == 0)
            // Well after its ack wait the next message to come is another one.
            try await Task.sleep(for: ackWait * 2)
            try await publish("b", on: connection)
            let second = try #require(await messages.next())
            #expect(second.payload.text == "b")
            #expect(try await info(connection).redeliveredCount == 0)
            try second.ack()
        }
    }

    @Test(
        "a message in progress stays with its worker; its ack wait begins anew each time", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func inProgress(release: NATSServerProcess.Release) async throws {
        let ackWait = Duration.seconds(1)
        try await withQueue(release, ackWait: ackWait) { connection, messages in
            try await publish("a", on: connection)
            let first = try #require(await messages.next())
            let delivered = ContinuousClock.now
            var shown = delivered
            while ContinuousClock.now - delivered < ackWait * 2 {
                try await Task.sleep(for: .milliseconds(100))
                shown = .now
                try first.inProgress()
            }
            try await connection.flush()
            let state = try await info(connection)
            #expect(state.redeliveredCount == 0)
            #expect(state.ackPendingCount == 1)
            // Left alone it comes back, counted from the last sign of life.
            let second = try #require(await messages.next())
            #expect(second.metadata?.deliveryCount == 2)
            #expect(ContinuousClock.now - shown >= ackWait * 0.9)
            try await second.ackConfirmed()
        }
    }
}
