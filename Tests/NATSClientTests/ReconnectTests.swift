import Foundation
import NATSClient
import NIOCore
import Synchronization
import TestSupport
import Testing

@Suite("Loss and return of a real server")
struct ReconnectTests {
    @Test(
        "the server killed and restarted under load: nothing twice, every acked message stored, service resumes",
        arguments: NATSServerProcess.Release.installed)
    func killedUnderLoad(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await jetStream.createStream(StreamConfiguration(name: "LOAD", subjects: ["load.>"]))
            let seen = Counts()
            try await connection.subscribe("load.>") { seen.add(member: 0, text: $0.payload.text) }
            let acked = Counts()
            let settled = Atomic<Int>(0)
            let published = Atomic<Int>(0)
            let statuses = connection.statusUpdates

            let load = Task {
                var number = 0
                while !Task.isCancelled {
                    do {
                        let text = "\(number)"
                        try jetStream.publish(
                            "load.x", sizeHint: 8, timeout: .seconds(2), write: { $0.writeString(text) },
                            onAck: { result in
                                if case .success = result { acked.add(member: 0, text: text) }
                                settled.add(1, ordering: .relaxed)
                            })
                        published.add(1, ordering: .relaxed)
                        number += 1
                        if number % 50 == 0 { try await Task.sleep(for: .milliseconds(1)) }
                    } catch {
                        await Task.yield()
                    }
                }
            }
            for round in 1...2 {
                let before = acked.texts.count
                while acked.texts.count < before + 500 { try await Task.sleep(for: .milliseconds(2)) }
                server.kill()
                for await status in statuses where status == .reconnecting { break }
                try await server.start()
                for await status in statuses where status == .connected { break }
                _ = round
            }
            let before = acked.texts.count
            while acked.texts.count < before + 500 { try await Task.sleep(for: .milliseconds(2)) }
            load.cancel()
            await load.value
            while settled.load(ordering: .relaxed) < published.load(ordering: .relaxed) {
                try await Task.sleep(for: .milliseconds(5))
            }

            var consumer = ConsumerConfiguration(durableName: "check")
            consumer.ackPolicy = .none
            try await jetStream.createConsumer(stream: "LOAD", consumer)
            let count = try await jetStream.streamInfo("LOAD").state.messages
            let stored = try await jetStream.messages(stream: "LOAD", consumer: "check")
            var texts = Set<String>()
            let iterator = stored.makeAsyncIterator()
            for _ in 0..<count { texts.insert(try #require(await iterator.next()).payload.text) }
            #expect(Set(acked.texts).subtracting(texts).isEmpty)
            #expect(Set(seen.texts).count == seen.texts.count)
            #expect(acked.texts.count >= 1500)
        }
    }

    @Test("a pull consumer goes on after the server returns, with nothing lost that is stored")
    func pullSurvives() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            let jetStream = connection.jetStream
            try await jetStream.createStream(StreamConfiguration(name: "S", subjects: ["s"]))
            try await jetStream.createConsumer(stream: "S", ConsumerConfiguration(durableName: "c"))
            let messages = try await jetStream.messages(stream: "S", consumer: "c")
            let iterator = messages.makeAsyncIterator()
            var seen: Set<String> = []
            for text in ["1", "2", "3"] {
                _ = try await jetStream.publish("s", payload: ByteBuffer(string: text))
                var message = try #require(await iterator.next())
                // The server confirms an acknowledgement before it writes it down: a kill may bring the message once more.
                while seen.contains(message.payload.text) {
                    try await message.ackConfirmed()
                    message = try #require(await iterator.next())
                }
                #expect(message.payload.text == text)
                seen.insert(text)
                try await message.ackConfirmed()
                let statuses = connection.statusUpdates
                server.kill()
                try await server.start()
                for await status in statuses where status == .connected { break }
            }
        }
    }

    @Test("what is published before the first connect waits, up to the cap, and then arrives in order")
    func pendingCap() async throws {
        let server = try await NATSServerProcess()
        server.kill()
        var configuration = try NATSConfiguration(servers: [server.url])
        configuration.pendingBufferLimitBytes = 10_000
        configuration.reconnect.initialDelay = .milliseconds(5)
        configuration.reconnect.maximumDelay = .milliseconds(20)
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        try await connection.start()
        let subscription = try await connection.subscribe("s")
        var sent = 0
        do {
            while true {
                try connection.publish(
                    "s", payload: ByteBuffer(string: "\(sent)" + String(repeating: "x", count: 1000)))
                sent += 1
            }
        } catch {
            #expect(error == .pendingBufferFull(limitBytes: 10_000))
        }
        #expect(sent == 9)
        let waiting = Task {
            try await connection.publishWaiting(
                "s", payload: ByteBuffer(string: "last" + String(repeating: "x", count: 1000)))
        }
        try await server.start()
        try await waiting.value
        let iterator = subscription.makeAsyncIterator()
        for number in 0..<sent { #expect(await iterator.next()?.payload.text.hasPrefix("\(number)x") == true) }
        #expect(await iterator.next()?.payload.text.hasPrefix("last") == true)
        await connection.close()
    }

    @Test("with the fail policy a publish without a server throws at once")
    func failPolicy() async throws {
        var configuration = NATSConfiguration(
            servers: [NATSServerAddress(host: "127.0.0.1", port: try NATSServerProcess.freePort())])
        configuration.whileDisconnected = .fail
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        try await connection.start()
        #expect(throws: NATSError.notConnected) { try connection.publish("s", payload: ByteBuffer()) }
        await #expect(throws: NATSError.timeout) { try await connection.waitUntilConnected(timeout: .milliseconds(20)) }
        await connection.close()
        #expect(throws: NATSError.closed) { try connection.publish("s", payload: ByteBuffer()) }
    }

    @Test("requests under way fail when the server is killed, not at their timeout")
    func requestsFail() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            try await connection.subscribe("silent") { _ in }
            try await connection.flush()
            let (answers, continuation) = AsyncStream<NATSError?>.makeStream()
            try connection.request("silent", sizeHint: 0, timeout: .seconds(60), write: { _ in }) { result in
                if case .failure(let error) = result { continuation.yield(error) } else { continuation.yield(nil) }
            }
            try await connection.flush()
            server.kill()
            for await error in answers {
                #expect(error == .disconnected)
                break
            }
        }
    }

    @Test("lame duck mode is announced, and the connection moves to the other server", .timeLimit(.minutes(1)))
    func lameDuck() async throws {
        let server = try await NATSServerProcess(jetStream: false)
        let other = try await NATSServerProcess(jetStream: false)
        var configuration = try NATSConfiguration(servers: [server.url, other.url])
        configuration.randomizeServers = false
        let connection = NATSConnection(configuration: configuration, logger: quiet)
        try await connection.start()
        try await connection.waitUntilConnected(timeout: .seconds(10))
        let first = connection.serverInfo?.serverID
        let statuses = connection.statusUpdates
        let (announced, continuation) = AsyncStream<String>.makeStream()
        connection.onLameDuck { continuation.yield($0.serverID) }
        server.signal(SIGUSR2)
        for await id in announced {
            #expect(id == first)
            break
        }
        #expect(connection.status == .connected)
        server.kill()
        for await status in statuses where status == .connected { break }
        #expect(connection.serverInfo?.serverID != first)
        await connection.close()
    }

    @Test("a drained connection delivers what was sent, then ends its sequences and refuses more")
    func drain() async throws {
        let server = try await NATSServerProcess()
        try await withConnection(to: server) { connection in
            let subscription = try await connection.subscribe("s")
            for number in 0..<100 { try connection.publish("s", payload: ByteBuffer(string: "\(number)")) }
            await connection.drain()
            #expect(await subscription.map(\.payload.text).collect() == (0..<100).map(String.init))
            #expect(connection.status == .closed)
            #expect(throws: NATSError.closed) { try connection.publish("s", payload: ByteBuffer()) }
        }
    }

    @Test(
        "a server killed under a drain ends it: no wait for a timeout, no return to another status",
        .timeLimit(.minutes(1)), arguments: NATSServerProcess.Release.installed)
    func killedUnderDrain(release: NATSServerProcess.Release) async throws {
        let server = try await NATSServerProcess(release)
        // Longer than the test may take: were it waited for, the test would fail.
        try await withConnection(to: server, configure: { $0.requestTimeout = .hours(1) }) { connection in
            let subscription = try await connection.subscribe("s")
            try await connection.subscribe("silent") { _ in }
            try await connection.flush()
            let answer = Task { try await connection.request("silent") }
            // A stopped server answers nothing, so the drain cannot end by itself.
            server.signal(SIGSTOP)
            let statuses = connection.statusUpdates
            let drain = Task { await connection.drain() }
            for await status in statuses where status == .draining { break }
            server.kill()
            await drain.value
            #expect(connection.status == .closed)
            #expect(await subscription.map(\.payload.text).collect() == [])
            await #expect(throws: NATSError.self) { try await answer.value }
            #expect(throws: NATSError.closed) { try connection.publish("s", payload: ByteBuffer()) }
            // Whatever is still to happen on the event loop has happened now.
            try await connection.eventLoop.submit {}.get()
            #expect(connection.status == .closed)
        }
    }
}
