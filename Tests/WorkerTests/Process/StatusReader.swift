import Foundation
import JSONStream
import NIOCore
import NIOPosix
import TestSupport

/// Reads `/ws/status` as a gateway does, frame by frame.
enum StatusReader {
    /// Connects, and hands over a function that reads the next message.
    static func read<Value: Sendable>(
        port: Int, _ body: @Sendable (_ next: () async throws -> JSONValue) async throws -> Value
    ) async throws -> Value {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(
                ByteBuffer(
                    string: "GET /ws/status HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                        + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"))
            var iterator = inbound.makeAsyncIterator()
            var received = ByteBuffer()
            func more() async throws {
                guard var bytes = try await iterator.next() else {
                    throw ProgramProcess.Timeout(description: "the status stream ended")
                }
                received.writeBuffer(&bytes)
            }
            let end = Array("\r\n\r\n".utf8)
            while received.readableBytesView.firstRange(of: end) == nil { try await more() }
            if let head = received.readableBytesView.firstRange(of: end) {
                received.moveReaderIndex(to: head.upperBound)
            }
            return try await body {
                while true {
                    if let frame = frame(&received) { return try JSONReader.decode(frame) }
                    try await more()
                }
            }
        }
    }

    /// The payload of an unmasked frame of text, if it is there whole (RFC 6455, 5.2).
    private static func frame(_ buffer: inout ByteBuffer) -> [UInt8]? {
        let start = buffer.readerIndex
        guard let first = buffer.readInteger(as: UInt8.self), let second = buffer.readInteger(as: UInt8.self) else {
            buffer.moveReaderIndex(to: start)
            return nil
        }
        let length: Int? =
            switch second {
            case 127: buffer.readInteger(as: UInt64.self).map(Int.init)
            case 126: buffer.readInteger(as: UInt16.self).map(Int.init)
            default: Int(second)
            }
        if first == 0x81, let length, let bytes = buffer.readBytes(length: length) { return bytes }
        buffer.moveReaderIndex(to: start)
        return nil
    }
}
