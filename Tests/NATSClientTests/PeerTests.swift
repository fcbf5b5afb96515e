import CNats
import Foundation
import NATSClient
import NIOCore
import TestSupport
import Testing

@Suite("Other clients as peers")
struct PeerTests {
    private static func echo(on connection: NATSConnection, subject: String) async throws {
        try await connection.subscribe(subject) { message in
            guard let reply = message.reply else { return }
            let text = String(message.payload.text.reversed())
            try? connection.publish(
                reply, payload: ByteBuffer(string: text), headers: ["Seen": message.headers["From"] ?? "nobody"])
        }
        try await connection.flush()
    }

    private static func makeStream(_ jetStream: JetStream) async throws {
        try await jetStream.createStream(StreamConfiguration(name: "PEER", subjects: ["peer.>"]))
        for name in ["py", "c"] {
            try await jetStream.createConsumer(
                stream: "PEER", ConsumerConfiguration(durableName: name, filterSubject: "peer.to.\(name)"))
            try await jetStream.createConsumer(
                stream: "PEER", ConsumerConfiguration(durableName: "from_\(name)", filterSubject: "peer.from.\(name)"))
        }
    }

    @Test(
        "nats-py: requests, headers and JetStream both ways", .timeLimit(.minutes(1)),
        arguments: NATSServerProcess.Release.installed)
    func natsPy(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await Self.makeStream(jetStream)
            try await Self.echo(on: connection, subject: "swift.echo")
            let isUp = try await connection.subscribe("py.up")
            let got = try await connection.subscribe("py.got")
            try await connection.flush()
            let peer = try ProgramProcess(
                try Tools.SDK.current.python(),
                arguments: [Fixtures.root.appending(path: "nats/peer.py").path, server.url])

            #expect(await isUp.makeAsyncIterator().next()?.payload.text == "cba")
            let answer = try await connection.request(
                "py.echo", payload: ByteBuffer(string: "hello"), headers: ["From": "swift"], timeout: .seconds(30))
            #expect(answer.payload.text == "olleh")
            #expect(answer.headers["Seen"] == "swift")
            for number in 0..<10 {
                _ = try await jetStream.publish("peer.to.py", payload: ByteBuffer(string: "\(number)"))
            }
            #expect(await got.makeAsyncIterator().next()?.payload.text == "0,1,2,3,4,5,6,7,8,9")
            let iterator = try await jetStream.messages(stream: "PEER", consumer: "from_py").makeAsyncIterator()
            for number in 0..<10 {
                let message = try #require(await iterator.next())
                #expect(message.payload.text == "\(number)")
                #expect(message.headers["Number"] == "\(number)")
                try message.ack()
            }
            try connection.publish("py.finish", payload: ByteBuffer())
            // Its own drain is part of what is proven, and the server must outlive it.
            #expect(try await peer.exitCode() == 0, "\(peer.standardError)")
        }
    }

    @Test("libnats: requests, headers and JetStream both ways", arguments: NATSServerProcess.Release.installed)
    func libNATS(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await Self.makeStream(jetStream)
            try await Self.echo(on: connection, subject: "swift.echo")
            let peer = try LibNATSPeer(url: server.url)
            defer { peer.close() }

            #expect(try peer.request("swift.echo", "hello", header: ("From", "libnats")) == ["olleh", "libnats"])
            try peer.subscribe("c.in")
            try connection.publish("c.in", payload: ByteBuffer(string: "x"), headers: ["A": "b c"])
            #expect(try peer.next(header: "A") == ["x", "b c"])

            for number in 0..<10 {
                _ = try await jetStream.publish("peer.to.c", payload: ByteBuffer(string: "\(number)"))
            }
            #expect(
                try peer.fetch(10, stream: "PEER", subject: "peer.to.c", consumer: "c") == (0..<10).map(String.init))
            for number in 0..<10 { try peer.publish("peer.from.c", "\(number)") }
            let iterator = try await jetStream.messages(stream: "PEER", consumer: "from_c").makeAsyncIterator()
            for number in 0..<10 {
                let message = try #require(await iterator.next())
                #expect(message.payload.text == "\(number)")
                try await message.ackConfirmed()
            }
            #expect(try await jetStream.consumerInfo(stream: "PEER", name: "from_c").ackPendingCount == 0)
            #expect(try await jetStream.consumerInfo(stream: "PEER", name: "c").ackPendingCount == 0)
        }
    }
}
