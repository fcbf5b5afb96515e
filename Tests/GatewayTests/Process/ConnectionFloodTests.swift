import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

/// Connections that lead to nothing, against the real program.
@Suite("Floods of connections", .serialized, .timeLimit(.minutes(2)))
struct ConnectionFloodTests {
    /// Resident memory of a process in KiB.
    private static func residentKibibytes(of id: Int32) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(id)/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.utf8.starts(with: "VmRSS:".utf8) })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    /// How many descriptors a process has open.
    private static func descriptors(of id: Int32) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/fd").count
    }

    /// Opens connections, a number at a time, says something on each, and drops them.
    private static func flood(_ count: Int, atOnce: Int, port: Int) async throws {
        let openings = [
            "", "GET /health HTTP/1.1\r\nho",
            "POST /v1/encode/org/mini HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{",
            "GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n",
        ]
        for wave in 0..<(count / atOnce) {
            var channels: [any Channel] = []
            for number in 0..<atOnce {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port).get()
                let opening = openings[(wave + number) % openings.count]
                if !opening.isEmpty { try? await channel.writeAndFlush(ByteBuffer(string: opening)) }
                channels.append(channel)
            }
            for channel in channels { try? await channel.close() }
        }
    }

    private static func waitForDescriptors(_ count: Int, of id: Int32) async throws {
        let start = ContinuousClock.now
        while true {
            let open = try descriptors(of: id)
            if open <= count { return }
            try #require(.now - start < .seconds(20), "\(open) descriptors stay open")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test("10,000 connections opened and dropped leave neither memory nor descriptors behind, and service goes on")
    func dropped() async throws {
        let gateway = try await RunningGateway()
        let id = gateway.process.program.processIdentifier
        let descriptors = try Self.descriptors(of: id)
        // What serving so many at once takes stays with the allocator; it must not grow with their number.
        try await Self.flood(2_000, atOnce: 500, port: gateway.process.port)
        try await Self.waitForDescriptors(descriptors, of: id)
        let before = try Self.residentKibibytes(of: id)
        try await Self.flood(10_000, atOnce: 500, port: gateway.process.port)
        try await Self.waitForDescriptors(descriptors, of: id)
        let after = try Self.residentKibibytes(of: id)
        #expect(after - before < 4 << 10, "\(before) KiB became \(after) KiB")
        #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
    }

    @Test("requests that dribble in hold up nobody, and the gateway ends with them still open")
    func slowloris() async throws {
        let gateway = try await RunningGateway()
        var slow: [any Channel] = []
        for number in 0..<300 {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: gateway.process.port).get()
            try await channel.writeAndFlush(
                ByteBuffer(
                    string: number % 2 == 0
                        ? "GET / HTTP/1.1\r\nx-slow: "
                        : "POST /v1/encode/org/mini HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n"))
            slow.append(channel)
        }
        for _ in 0..<20 {
            for channel in slow { channel.writeAndFlush(ByteBuffer(string: "a"), promise: nil) }
            let begun = ContinuousClock.now
            #expect(try await gateway.encode(#"{"items":[{"text":"x"}]}"#).status == 200)
            #expect(.now - begun < .seconds(1))
        }
        gateway.process.signal(15)
        #expect(try await gateway.process.exitStatus(within: .seconds(40)) == 0)
        for channel in slow { try? await channel.close() }
    }
}
