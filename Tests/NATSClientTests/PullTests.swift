import Foundation
import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("What can happen to a pull at a real server")
struct PullTests {
    private static func makeStream(on connection: NATSConnection) async throws {
        var stream = StreamConfiguration(name: "S", subjects: ["s"])
        stream.storage = .memory
        try await connection.jetStream.createStream(stream)
        try await makeConsumer(on: connection)
    }

    private static func makeConsumer(on connection: NATSConnection) async throws {
        try await connection.jetStream.createConsumer(stream: "S", ConsumerConfiguration(durableName: "c"))
    }

    /// A pull whose events and texts can be awaited.
    private struct Observed {
        let consumer: PullConsumer
        var events: AsyncStream<PullConsumer.Event>.Iterator
        var texts: AsyncStream<String>.Iterator
    }

    private static func pull(
        on connection: NATSConnection, _ configuration: PullConfiguration
    ) async throws -> Observed {
        let (events, reportEvent) = AsyncStream<PullConsumer.Event>.makeStream()
        let (texts, reportText) = AsyncStream<String>.makeStream()
        let consumer = try await connection.jetStream.pull(
            stream: "S", consumer: "c", configuration: configuration, onEvent: { reportEvent.yield($0) },
            onMessage: { message in
                reportText.yield(message.payload.text)
                try? message.ack()
            })
        return Observed(
            consumer: consumer, events: events.makeAsyncIterator(), texts: texts.makeAsyncIterator())
    }

    private static func publish(_ text: String, on connection: NATSConnection) async throws {
        _ = try await connection.jetStream.publish("s", payload: ByteBuffer(string: text), timeout: .seconds(30))
    }

    @Test(
        "a consumer deleted under a pull is told, and pulled from again once it is back", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func deletedConsumer(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            try await Self.makeStream(on: connection)
            var configuration = PullConfiguration(batch: 4)
            configuration.retryDelay = .milliseconds(20)
            configuration.idleHeartbeat = .milliseconds(150)
            var pull = try await Self.pull(on: connection, configuration)
            try await Self.publish("before", on: connection)
            #expect(await pull.texts.next() == "before")
            try await connection.jetStream.deleteConsumer(stream: "S", name: "c")
            #expect(await pull.events.next() == .consumerDeleted)
            // Asked again, a current server says that nobody is there to answer; 2.9 says nothing.
            let next = await pull.events.next()
            #expect(
                next == (release == .debian ? .heartbeatsMissed : .refused(status: 503, description: "")))
            try await Self.makeConsumer(on: connection)
            try await Self.publish("after", on: connection)
            // A new consumer begins with the first message of the stream.
            #expect(await pull.texts.next() == "before")
            #expect(await pull.texts.next() == "after")
            pull.consumer.stop()
        }
    }

    @Test(
        "a server that falls silent is noticed by its missing heartbeats; awake again, it delivers once",
        .timeLimit(.minutes(1)), arguments: NATSServerProcess.Release.installed)
    func missedHeartbeats(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            try await Self.makeStream(on: connection)
            var configuration = PullConfiguration(batch: 4)
            configuration.idleHeartbeat = .milliseconds(150)
            var pull = try await Self.pull(on: connection, configuration)
            try await Self.publish("before", on: connection)
            #expect(await pull.texts.next() == "before")
            server.signal(SIGSTOP)
            #expect(await pull.events.next() == .heartbeatsMissed)
            #expect(connection.status == .connected)
            server.signal(SIGCONT)
            for text in ["1", "2", "3"] { try await Self.publish(text, on: connection) }
            for text in ["1", "2", "3"] { #expect(await pull.texts.next() == text) }
            pull.consumer.stop()
        }
    }

    @Test(
        "a pull's byte limit cuts it short, and the next one brings the rest", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func byteLimit(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            try await Self.makeStream(on: connection)
            let texts = (0..<12).map { "\($0)" + String(repeating: "x", count: 300) }
            for text in texts { try await Self.publish(text, on: connection) }
            var configuration = PullConfiguration(batch: 12)
            configuration.maxBytes = 1000
            configuration.retryDelay = .seconds(3600)
            var pull = try await Self.pull(on: connection, configuration)
            for text in texts { #expect(await pull.texts.next() == text) }
            pull.consumer.stop()
            // No pull was refused: that would have had to wait for an hour.
            #expect(await pull.events.next() == .ended)
        }
    }

    @Test(
        "a message larger than a pull's byte limit is told, not asked for without end", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func messageBeyondByteLimit(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            try await Self.makeStream(on: connection)
            try await Self.publish(String(repeating: "x", count: 2000), on: connection)
            var configuration = PullConfiguration(batch: 4)
            configuration.maxBytes = 1000
            configuration.retryDelay = .seconds(3600)
            var pull = try await Self.pull(on: connection, configuration)
            let event = await pull.events.next()
            guard case .refused(status: 409, let description) = event else {
                Issue.record("not told, but \(String(describing: event))")
                return
            }
            #expect(description.lowercased().contains("maxbytes"))
            #expect(try await connection.jetStream.consumerInfo(stream: "S", name: "c").waitingCount == 0)
            pull.consumer.stop()
        }
    }
}
