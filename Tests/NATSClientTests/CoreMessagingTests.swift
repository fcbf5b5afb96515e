import Foundation
import NATSClient
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite("Core NATS against real servers")
struct CoreMessagingTests {
    @Test("a published message arrives with subject, reply and payload", arguments: NATSServerProcess.Release.installed)
    func publishSubscribe(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let subscription = try await connection.subscribe("greet.*")
            try connection.publish("greet.joe", payload: ByteBuffer(string: "hello"), reply: "answers.here")
            let message = try #require(await subscription.makeAsyncIterator().next())
            #expect(message.subject == "greet.joe")
            #expect(message.reply == "answers.here")
            #expect(message.payload.text == "hello")
            #expect(message.headers.isEmpty)
        }
    }

    @Test("headers keep their order, their case and their repeats", arguments: NATSServerProcess.Release.installed)
    func headers(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let subscription = try await connection.subscribe("h")
            let headers: NATSHeaders = ["B": "1", "a": "two words", "B": "3", "Empty": ""]
            try connection.publish("h", payload: ByteBuffer(string: "x"), headers: headers)
            let message = try #require(await subscription.makeAsyncIterator().next())
            #expect(message.headers == headers)
            #expect(message.headers.values(of: "B") == ["1", "3"])
            #expect(message.headers["a"] == "two words")
            #expect(message.payload.text == "x")
        }
    }

    @Test("a payload of any size from 0 to the limit passes unharmed", arguments: NATSServerProcess.Release.installed)
    func payloadSizes(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let subscription = try await connection.subscribe("sizes")
            let sizes = [0, 1, 2, 9, 10, 99, 4095, 65_536, 1_048_575, 1_048_576]
            for size in sizes {
                try connection.publish("sizes", sizeHint: size) {
                    $0.writeRepeatingByte(UInt8(size & 0xFF), count: size)
                }
            }
            let iterator = subscription.makeAsyncIterator()
            for size in sizes {
                let message = try #require(await iterator.next())
                #expect(message.payloadSizeBytes == size)
                #expect(message.payload.readableBytesView.allSatisfy { $0 == UInt8(size & 0xFF) })
            }
        }
    }

    @Test("a message above max_payload is refused here and the connection lives on")
    func maxPayload() async throws {
        let server = try await NATSServerProcess(configuration: "max_payload: 1024")
        try await withConnection(to: server) { connection in
            #expect(throws: NATSError.maxPayloadExceeded(sizeBytes: 1025, limitBytes: 1024)) {
                try connection.publish("x", payload: ByteBuffer(repeating: 0, count: 1025))
            }
            let subscription = try await connection.subscribe("x")
            try connection.publish("x", payload: ByteBuffer(repeating: 0, count: 1024))
            #expect(await subscription.makeAsyncIterator().next()?.payloadSizeBytes == 1024)
        }
    }

    @Test("requests from many tasks each get their own answer", arguments: NATSServerProcess.Release.installed)
    func requests(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { responder in
            try await responder.subscribe("echo") { message in
                guard let reply = message.reply else { return }
                try? responder.publish(reply, payload: message.payload)
            }
            try await responder.flush()
            try await withConnection(to: server) { connection in
                try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number in 0..<500 {
                        group.addTask {
                            try await connection.request("echo", payload: ByteBuffer(string: "\(number)")).payload.text
                                == "\(number)"
                        }
                    }
                    for try await isRight in group { #expect(isRight) }
                }
            }
        }
    }

    @Test("a request nobody serves fails at once, one nobody answers times out")
    func failingRequests() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            await #expect(throws: NATSError.noResponders) {
                try await connection.request("nobody")
            }
            try await connection.subscribe("silent") { _ in }
            await #expect(throws: NATSError.timeout) {
                try await connection.request("silent", timeout: .milliseconds(20))
            }
        }
    }

    @Test("members of a queue group share messages, each delivered once")
    func queueGroups() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            let counts = Counts()
            for member in 0..<3 {
                try await connection.subscribe("work", queueGroup: "workers") { message in
                    counts.add(member: member, text: message.payload.text)
                }
            }
            for number in 0..<300 { try connection.publish("work", payload: ByteBuffer(string: "\(number)")) }
            try await connection.flush()
            #expect(counts.texts.count == 300)
            #expect(Set(counts.texts).count == 300)
            #expect(counts.members.count == 3)
        }
    }

    @Test("an unsubscribed callback is not called again; a drained one gets all that was sent before")
    func unsubscribing() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            let counts = Counts()
            let handle = try await connection.subscribe("s") { counts.add(member: 0, text: $0.payload.text) }
            for number in 0..<100 { try connection.publish("s", payload: ByteBuffer(string: "\(number)")) }
            try await handle.drain()
            #expect(counts.texts.count == 100)
            try connection.publish("s", payload: ByteBuffer(string: "late"))
            try await connection.flush()
            #expect(counts.texts.count == 100)

            let subscription = try await connection.subscribe("t")
            try connection.publish("t", payload: ByteBuffer(string: "1"))
            try await subscription.drain()
            var texts: [String] = []
            for await message in subscription { texts.append(message.payload.text) }
            #expect(texts == ["1"])
        }
    }

    @Test("a slow reader loses the newest or the oldest messages, as its policy says, and knows how many")
    func slowConsumers() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server, configure: { $0.subscriptionBufferMessages = 10 }) { connection in
            let newest = try await connection.subscribe("s", slowConsumerPolicy: .dropNewest)
            let oldest = try await connection.subscribe("s", slowConsumerPolicy: .dropOldest)
            for number in 0..<25 { try connection.publish("s", payload: ByteBuffer(string: "\(number)")) }
            try await connection.flush()
            newest.unsubscribe()
            oldest.unsubscribe()
            #expect(newest.droppedCount == 15)
            #expect(oldest.droppedCount == 15)
            #expect(await newest.map(\.payload.text).collect() == (0..<10).map(String.init))
            #expect(await oldest.map(\.payload.text).collect() == (15..<25).map(String.init))
        }
    }

    @Test("subjects and headers that would break the protocol are refused")
    func invalidNames() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            for subject in ["", "a b", "a..b", ".a", "a.", "a\r\nPUB x 0", "a\u{0}", "a.*", "a.>"] {
                #expect(throws: NATSError.invalidSubject(subject)) {
                    try connection.publish(subject, payload: ByteBuffer())
                }
            }
            for subject in ["a.>.b", "a*", "*a.b", ">x", "a\tb"] {
                await #expect(throws: NATSError.invalidSubject(subject)) { try await connection.subscribe(subject) }
            }
            for headers: NATSHeaders in [["a:b": "x"], ["": "x"], ["a b": "x"], ["a": "x\r\ny: z"]] {
                #expect(throws: NATSError.invalidHeader(headers.entries[0].name)) {
                    try connection.publish("s", payload: ByteBuffer(), headers: headers)
                }
            }
            try await connection.flush()
        }
    }
}

/// What several subscriptions got.
final class Counts: Sendable {
    private let state = Mutex<(members: Set<Int>, texts: [String])>(([], []))

    func add(member: Int, text: String) {
        state.withLock {
            $0.members.insert(member)
            $0.texts.append(text)
        }
    }

    var members: Set<Int> { state.withLock { $0.members } }
    var texts: [String] { state.withLock { $0.texts } }
}

extension AsyncSequence where Failure == Never {
    func collect() async -> [Element] {
        var elements: [Element] = []
        for await element in self { elements.append(element) }
        return elements
    }
}
