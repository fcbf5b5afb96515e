import FoundationEssentials
import NIOCore

/// Cuts the bytes of a server into operations. It neither copies payloads nor does I/O; feed it bytes, then take
/// operations until it has none.
package struct ProtocolParser {
    /// The longest line accepted. Only INFO, which lists the cluster's servers, comes near it.
    private static let maxLineBytes = 1 << 20
    /// The most digits of a size; nats-server reads no more either.
    private static let maxSizeDigits = 9

    private let maxMessageBytes: Int
    private var buffer = ByteBuffer()
    /// Bytes of the first line already seen to hold no line feed.
    private var scanned = 0
    /// The bytes that must be there before it is worth looking again.
    private var needed = 0

    package init(maxMessageBytes: Int) {
        self.maxMessageBytes = maxMessageBytes
    }

    /// Whether bytes wait that are no whole operation yet.
    var hasPartialOperation: Bool { buffer.readableBytes > 0 }

    package mutating func feed(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.reserveCapacity(minimumWritableBytes: max(bytes.readableBytes, needed - buffer.readableBytes))
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// The next operation, or `nil` where more bytes are needed.
    /// - Throws: ``NATSError/protocolViolation(_:)``; the connection is of no use then.
    package mutating func next() throws(NATSError) -> ServerOperation? {
        guard buffer.readableBytes > 0, buffer.readableBytes >= needed else { return nil }
        let limits = (maxMessageBytes, scanned)
        switch buffer.withUnsafeReadableBytes({ Self.scan($0, maxMessageBytes: limits.0, scanned: limits.1) }) {
        case .incompleteLine(let seen):
            scanned = seen
            needed = 0
            return nil
        case .incompleteMessage(let total):
            scanned = 0
            needed = total
            return nil
        case .invalid(let reason):
            throw .protocolViolation(reason)
        case .line(let verb, let length):
            return try takeLine(verb, length: length)
        case .message(let verbLength, let subscription, let layout, let total):
            scanned = 0
            needed = 0
            buffer.moveReaderIndex(forwardBy: verbLength)
            guard let frame = buffer.readSlice(length: total - verbLength - 2) else {
                throw .protocolViolation("a message is shorter than announced")
            }
            buffer.moveReaderIndex(forwardBy: 2)
            return .message(subscription: subscription, NATSMessage(frame: frame, layout: layout))
        }
    }

    private mutating func takeLine(_ verb: Verb, length: Int) throws(NATSError) -> ServerOperation {
        scanned = 0
        needed = 0
        let line = buffer.readSlice(length: length) ?? ByteBuffer()
        switch verb {
        case .ping: return .ping
        case .pong: return .pong
        case .ok: return .ok
        case .error:
            let text = String(buffer: line).dropFirst(4).drop { $0 == " " }
            return .error(String(text.filter { $0 != "'" && !$0.isNewline }))
        case .info:
            do {
                return .info(
                    try JSONDecoder().decode(NATSServerInfo.self, from: Data(line.readableBytesView.dropFirst(4))))
            } catch {
                throw .protocolViolation("INFO cannot be read: \(error)")
            }
        }
    }
}

// MARK: - Scanning

extension ProtocolParser {
    private enum Verb {
        case info, ping, pong, ok, error
    }

    private enum Step {
        /// No line feed in the bytes; so many of them need not be looked at again.
        case incompleteLine(seen: Int)
        /// A message that is so many bytes long in all is not there completely.
        case incompleteMessage(total: Int)
        case invalid(String)
        case line(Verb, length: Int)
        /// Offsets of the layout count from the end of the verb.
        case message(verbLength: Int, subscription: UInt64, layout: NATSMessage.Layout, total: Int)
    }

    private static func scan(_ bytes: UnsafeRawBufferPointer, maxMessageBytes: Int, scanned: Int) -> Step {
        switch bytes[0] {
        case UInt8(ascii: "M"), UInt8(ascii: "m"):
            return scanMessage(bytes, verb: "MSG ", maxMessageBytes: maxMessageBytes)
        case UInt8(ascii: "H"), UInt8(ascii: "h"):
            return scanMessage(bytes, verb: "HMSG ", maxMessageBytes: maxMessageBytes)
        default:
            return scanLine(bytes, scanned: scanned)
        }
    }

    private static func scanLine(_ bytes: UnsafeRawBufferPointer, scanned: Int) -> Step {
        let verbs: [(StaticString, Verb)] = [
            ("PING", .ping), ("PONG", .pong), ("INFO", .info), ("+OK", .ok), ("-ERR", .error),
        ]
        guard let (text, verb) = verbs.first(where: { hasPrefix(bytes, $0.0) }) else {
            return .invalid("an unknown operation")
        }
        guard let end = bytes[max(scanned, 0)...].firstIndex(of: UInt8(ascii: "\n")) else {
            if bytes.count > maxLineBytes { return .invalid("a line of more than \(maxLineBytes) bytes") }
            return .incompleteLine(seen: bytes.count)
        }
        // What follows the verb must be its arguments, not more letters: "PINGX" is no PING.
        if text.utf8CodeUnitCount < end, bytes[text.utf8CodeUnitCount] > 0x20 {
            return .invalid("an unknown operation")
        }
        return .line(verb, length: end + 1)
    }

    /// Whether the bytes begin with `text`, or with as much of it as there are bytes; case does not matter.
    private static func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { expected in
            for index in 0..<min(bytes.count, expected.count) {
                let byte = bytes[index]
                let upper = byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z") ? byte & 0xDF : byte
                if upper != expected[index] { return false }
            }
            return true
        }
    }

    /// `MSG <subject> <sid> [reply] <size>` and `HMSG <subject> <sid> [reply] <header size> <total size>`, a line feed, the
    /// bytes, CRLF.
    private static func scanMessage(
        _ bytes: UnsafeRawBufferPointer, verb: StaticString, maxMessageBytes: Int
    ) -> Step {
        let verbLength = verb.utf8CodeUnitCount
        guard hasPrefix(bytes, verb) else { return .invalid("an unknown operation") }
        let hasHeaders = verbLength == 5

        // Tokens of the line. Five are the most there can be.
        var starts: (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
        var ends: (Int, Int, Int, Int, Int) = (0, 0, 0, 0, 0)
        var count = 0
        var tokenStart = -1
        var index = verbLength
        var lineEnd = -1
        while index < bytes.count {
            let byte = bytes[index]
            if byte > 0x20 {
                if tokenStart < 0 { tokenStart = index }
            } else {
                if tokenStart >= 0 {
                    switch count {
                    case 0: (starts.0, ends.0) = (tokenStart, index)
                    case 1: (starts.1, ends.1) = (tokenStart, index)
                    case 2: (starts.2, ends.2) = (tokenStart, index)
                    case 3: (starts.3, ends.3) = (tokenStart, index)
                    case 4: (starts.4, ends.4) = (tokenStart, index)
                    default: return .invalid("a message line with too many fields")
                    }
                    count += 1
                    tokenStart = -1
                }
                if byte == UInt8(ascii: "\n") {
                    lineEnd = index
                    break
                }
            }
            index += 1
        }
        guard lineEnd >= 0 else {
            if bytes.count > maxLineBytes { return .invalid("a line of more than \(maxLineBytes) bytes") }
            return .incompleteLine(seen: 0)
        }

        let expected = hasHeaders ? 4 : 3
        guard count == expected || count == expected + 1 else {
            return .invalid("a message line with \(count) fields")
        }
        let hasReply = count == expected + 1
        let headerSize: Int?
        let totalSize: Int?
        switch (hasHeaders, hasReply) {
        case (false, false): (headerSize, totalSize) = (0, size(bytes, starts.2, ends.2))
        case (false, true): (headerSize, totalSize) = (0, size(bytes, starts.3, ends.3))
        case (true, false): (headerSize, totalSize) = (size(bytes, starts.2, ends.2), size(bytes, starts.3, ends.3))
        case (true, true): (headerSize, totalSize) = (size(bytes, starts.3, ends.3), size(bytes, starts.4, ends.4))
        }
        guard let subscription = number(bytes, starts.1, ends.1, maxDigits: 19) else {
            return .invalid("a message with an unreadable subscription id")
        }
        guard let headerSize, let totalSize, headerSize <= totalSize else {
            return .invalid("a message with an unreadable size")
        }
        guard totalSize <= maxMessageBytes else {
            return .invalid("a message of \(totalSize) bytes, more than the limit of \(maxMessageBytes)")
        }

        let body = lineEnd + 1
        let total = body + totalSize + 2
        guard bytes.count >= total else { return .incompleteMessage(total: total) }
        guard bytes[total - 2] == UInt8(ascii: "\r"), bytes[total - 1] == UInt8(ascii: "\n") else {
            return .invalid("a message that does not end where its size says")
        }
        var layout = NATSMessage.Layout(
            subject: .init(offset: starts.0 - verbLength, count: ends.0 - starts.0),
            payload: .init(offset: body + headerSize - verbLength, count: totalSize - headerSize))
        if hasReply { layout.reply = .init(offset: starts.2 - verbLength, count: ends.2 - starts.2) }
        if hasHeaders {
            layout.headers = .init(offset: body - verbLength, count: headerSize)
            layout.status = HeaderBlock.status(in: UnsafeRawBufferPointer(rebasing: bytes[body..<body + headerSize]))
        }
        return .message(verbLength: verbLength, subscription: subscription, layout: layout, total: total)
    }

    private static func size(_ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Int? {
        number(bytes, start, end, maxDigits: maxSizeDigits).map(Int.init)
    }

    private static func number(
        _ bytes: UnsafeRawBufferPointer, _ start: Int, _ end: Int, maxDigits: Int
    ) -> UInt64? {
        guard end > start, end - start <= maxDigits else { return nil }
        var value: UInt64 = 0
        for index in start..<end {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value
    }
}
