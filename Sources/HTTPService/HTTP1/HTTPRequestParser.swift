import NIOCore
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Cuts the bytes of a connection into requests (RFC 9112), without any I/O: feed it bytes, then take events until it
/// has none.
///
/// It is strict where leniency is what request smuggling lives on: lines end with CRLF and nothing else, a field's name
/// touches its colon, folded fields are refused, and a length is said once and in one way.
package struct HTTPRequestParser {
    package struct Limits: Sendable {
        /// The largest single field, name and value.
        package var fieldBytes = 32 << 10
        /// The largest head.
        package var headBytes = 64 << 10
        package var fieldCount = 200

        package init() {}
    }

    package enum Event {
        case head(RequestHead)
        case body(ByteBuffer)
        case end
    }

    private enum Phase: Equatable {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunk(remaining: Int)
        case chunkEnd
        case trailers
        case end
        case failed
    }

    /// Longer than any size line without extensions that nobody uses.
    private static let chunkLineLimitBytes = 256

    private let limits: Limits
    private var phase = Phase.head
    private var buffer = ByteBuffer()
    /// Bytes of the head that are known not to hold its end.
    private var scanned = 0
    private var trailerBytes = 0

    package init(limits: Limits) {
        self.limits = limits
    }

    /// Bytes fed and not given out yet.
    package var bufferedBytes: Int { buffer.readableBytes }

    /// Whether the beginning of a head waits for its end.
    package var hasPartialHead: Bool { phase == .head && buffer.readableBytes > 0 }

    package mutating func feed(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            // Or a client that always has a request waiting would make it grow for ever.
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// Gives up the bytes not looked at: they belong to another protocol.
    package mutating func takeRest() -> ByteBuffer {
        defer { buffer = ByteBuffer() }
        return buffer
    }

    /// The next event, or nil where more bytes are needed.
    ///
    /// - Throws: ``HTTPRequestFailure/malformed`` or ``HTTPRequestFailure/headersTooLarge``; nothing more can be read
    ///   from the connection then.
    package mutating func next() throws(HTTPRequestFailure) -> Event? {
        do throws(HTTPRequestFailure) {
            return try advance()
        } catch {
            phase = .failed
            buffer = ByteBuffer()
            throw error
        }
    }

    private mutating func advance() throws(HTTPRequestFailure) -> Event? {
        while true {
            switch phase {
            case .head:
                return try takeHead().map(Event.head)
            case .body(let remaining):
                guard let part = takePart(of: remaining) else { return nil }
                let rest = remaining - part.readableBytes
                phase = rest == 0 ? .end : .body(remaining: rest)
                return .body(part)
            case .chunkSize:
                guard let size = try takeChunkSize() else { return nil }
                phase = size == 0 ? .trailers : .chunk(remaining: size)
                trailerBytes = 0
            case .chunk(let remaining):
                guard let part = takePart(of: remaining) else { return nil }
                let rest = remaining - part.readableBytes
                phase = rest == 0 ? .chunkEnd : .chunk(remaining: rest)
                return .body(part)
            case .chunkEnd:
                guard buffer.readableBytes >= 2 else { return nil }
                guard buffer.readInteger(as: UInt16.self) == 0x0d0a else { throw .malformed }
                phase = .chunkSize
            case .trailers:
                guard let isLast = try skipTrailer() else { return nil }
                if isLast { phase = .end }
            case .end:
                phase = .head
                scanned = 0
                // What is read out must not keep the memory that the next read could use again.
                if buffer.readableBytes == 0 { buffer = ByteBuffer() }
                return .end
            case .failed:
                return nil
            }
        }
    }

    private mutating func takePart(of remaining: Int) -> ByteBuffer? {
        guard buffer.readableBytes > 0 else { return nil }
        return buffer.readSlice(length: min(remaining, buffer.readableBytes))
    }

    // MARK: Head

    private mutating func takeHead() throws(HTTPRequestFailure) -> RequestHead? {
        skipEmptyLines()
        guard buffer.readableBytes > 0 else { return nil }
        let (start, limits) = (scanned, limits)
        let length = try buffer.withUnsafeReadableBytes { Self.headLength($0, from: start, limits: limits) }.get()
        guard let length else {
            scanned = buffer.readableBytes
            return nil
        }
        // A copy: a head lives as long as its request, and must not keep the memory of a whole read for that long.
        guard let slice = buffer.readSlice(length: length) else { return nil }
        let bytes = ByteBuffer(bytes: slice.readableBytesView)
        scanned = 0
        let head = try bytes.withUnsafeReadableBytes { HeadScanner.scan($0, of: bytes, limits: limits) }.get()
        phase =
            if head.framing.isChunked {
                .chunkSize
            } else if let length = head.framing.contentLength, length > 0 {
                .body(remaining: length)
            } else {
                .end
            }
        return head
    }

    /// RFC 9112 section 2.2: an empty line in front of a request is passed over.
    private mutating func skipEmptyLines() {
        while buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) == 0x0d0a {
            buffer.moveReaderIndex(forwardBy: 2)
        }
    }

    /// The length of a head up to and with its empty line; nil where that has not come.
    private static func headLength(
        _ bytes: UnsafeRawBufferPointer, from scanned: Int, limits: Limits
    ) -> Result<Int?, HTTPRequestFailure> {
        guard let base = bytes.baseAddress else { return .success(nil) }
        // Another protocol, such as TLS, never sends the end of a head.
        guard bytes[0].isHTTPTokenByte || bytes[0] == UInt8(ascii: "\r") else { return .failure(.malformed) }
        let searched = min(bytes.count, limits.headBytes)
        var position = max(0, scanned - 3)
        while position < searched, let found = memchr(base + position, 0x0a, searched - position) {
            let lineFeed = UnsafeRawPointer(found) - base
            if lineFeed + 2 < bytes.count, bytes[lineFeed + 1] == 0x0d, bytes[lineFeed + 2] == 0x0a {
                return .success(lineFeed + 3)
            }
            // Nobody waits for the rest of what is wrong already.
            guard lineFeed > 0, bytes[lineFeed - 1] == 0x0d else { return .failure(.malformed) }
            position = lineFeed + 1
        }
        return bytes.count > limits.headBytes ? .failure(.headersTooLarge) : .success(nil)
    }

    // MARK: Chunks

    /// The line up to its CRLF, which is taken too; nil where it has not ended.
    private mutating func takeLine(limitBytes: Int) throws(HTTPRequestFailure) -> ByteBuffer? {
        let end = buffer.withUnsafeReadableBytes { bytes -> Int? in
            guard let base = bytes.baseAddress, let found = memchr(base, 0x0a, bytes.count) else { return nil }
            return UnsafeRawPointer(found) - base
        }
        guard (end ?? buffer.readableBytes) <= limitBytes else { throw .malformed }
        guard let end else { return nil }
        guard end > 0, var line = buffer.readSlice(length: end + 1),
            line.getInteger(at: line.writerIndex - 2, as: UInt8.self) == 0x0d
        else { throw .malformed }
        line.moveWriterIndex(to: line.writerIndex - 2)
        return line
    }

    private mutating func takeChunkSize() throws(HTTPRequestFailure) -> Int? {
        guard let line = try takeLine(limitBytes: Self.chunkLineLimitBytes) else { return nil }
        let size = line.withUnsafeReadableBytes { bytes -> Int? in
            var size = 0
            var digits = 0
            for byte in bytes {
                guard let digit = byte.hexadecimalDigit else { break }
                size = size << 4 | digit
                digits += 1
                guard digits <= 15 else { return nil }
            }
            guard digits > 0 else { return nil }
            return Self.areExtensions(bytes[digits...]) ? size : nil
        }
        guard let size else { throw .malformed }
        return size
    }

    /// Whether bytes are chunk extensions that all parsers read alike: `;name` and `;name=value`. Blanks and quoted values,
    /// which nobody sends, are none.
    private static func areExtensions(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        var rest = bytes
        func takesToken() -> Bool {
            let token = rest.prefix(while: \.isHTTPTokenByte)
            rest = rest[token.endIndex...]
            return !token.isEmpty
        }
        while let separator = rest.popFirst() {
            guard separator == UInt8(ascii: ";"), takesToken() else { return false }
            if rest.first == UInt8(ascii: "=") {
                rest.removeFirst()
                guard takesToken() else { return false }
            }
        }
        return true
    }

    /// Passes over one trailer field; nobody reads them.
    ///
    /// - Returns: whether it was the empty line at their end; nil where the line has not ended.
    private mutating func skipTrailer() throws(HTTPRequestFailure) -> Bool? {
        guard let line = try takeLine(limitBytes: limits.fieldBytes) else { return nil }
        trailerBytes += line.readableBytes
        guard trailerBytes <= limits.headBytes else { throw .headersTooLarge }
        let isField = line.withUnsafeReadableBytes { HeadScanner.field($0, from: 0, to: $0.count) != nil }
        guard line.readableBytes == 0 || isField else { throw .malformed }
        return line.readableBytes == 0
    }
}

extension UInt8 {
    fileprivate var hexadecimalDigit: Int? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(self - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(self - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
