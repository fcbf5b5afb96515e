import NIOCore
import NIOHTTP1

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a whole head in one pass: request line, fields, and what they say about framing (RFC 9112 sections 3, 5, 6).
enum HeadScanner {
    /// - Parameters:
    ///   - bytes: from the method to the empty line, each line ended by CRLF.
    ///   - buffer: the same bytes, kept by the head.
    static func scan(
        _ bytes: UnsafeRawBufferPointer, of buffer: ByteBuffer, limits: HTTPRequestParser.Limits
    ) -> Result<RequestHead, HTTPRequestFailure> {
        guard let line = RequestLine(bytes) else { return .failure(.malformed) }
        var fields: [RequestHead.Field] = []
        fields.reserveCapacity(16)
        var framing = FramingScanner(isHTTP10: line.isHTTP10)
        var position = line.end
        // The empty line's two bytes are the last.
        while position < bytes.count - 2 {
            guard fields.count < limits.fieldCount else { return .failure(.headersTooLarge) }
            guard let base = bytes.baseAddress, let found = memchr(base + position, 0x0d, bytes.count - position) else {
                return .failure(.malformed)
            }
            let end = UnsafeRawPointer(found) - base
            guard end - position <= limits.fieldBytes else { return .failure(.headersTooLarge) }
            guard bytes[end + 1] == 0x0a, let field = field(bytes, from: position, to: end),
                framing.read(field.name.of(bytes), field.value.of(bytes))
            else { return .failure(.malformed) }
            fields.append(field)
            position = end + 2
        }
        guard let complete = framing.complete(method: line.method) else { return .failure(.malformed) }
        return .success(
            RequestHead(
                bytes: buffer, target: line.target, fields: fields, framing: complete, method: line.method,
                version: line.isHTTP10 ? .http1_0 : .http1_1))
    }

    /// The field on a line without its CRLF; nil where it is none. White space around the value is no part of it.
    static func field(_ bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> RequestHead.Field? {
        var colon = start
        while colon < end, bytes[colon].isHTTPTokenByte { colon += 1 }
        guard colon > start, colon < end, bytes[colon] == UInt8(ascii: ":") else { return nil }
        var first = colon + 1
        var last = end
        while first < last, bytes[first].isHTTPBlank { first += 1 }
        while last > first, bytes[last - 1].isHTTPBlank { last -= 1 }
        guard UnsafeRawBufferPointer(rebasing: bytes[first..<last]).isHTTPFieldText else { return nil }
        return RequestHead.Field(name: .init(start, colon), value: .init(first, last))
    }
}

/// `POST /path HTTP/1.1`
private struct RequestLine {
    let method: HTTPMethod
    let target: RequestHead.Extent
    let isHTTP10: Bool
    /// The offset of the next line.
    let end: Int

    init?(_ bytes: UnsafeRawBufferPointer) {
        var methodEnd = 0
        while methodEnd < bytes.count, bytes[methodEnd].isHTTPTokenByte { methodEnd += 1 }
        guard methodEnd > 0, methodEnd < bytes.count, bytes[methodEnd] == UInt8(ascii: " ") else { return nil }
        let start = methodEnd + 1
        var targetEnd = start
        while targetEnd < bytes.count, bytes[targetEnd] > 0x20, bytes[targetEnd] < 0x7f { targetEnd += 1 }
        let version = UnsafeRawBufferPointer(rebasing: bytes[targetEnd...])
        guard targetEnd > start, version.count >= 11, version[10] == 0x0a else { return nil }
        let prefix = UnsafeRawBufferPointer(rebasing: version[..<10])
        if prefix.equals(" HTTP/1.1\r") {
            isHTTP10 = false
        } else if prefix.equals(" HTTP/1.0\r") {
            isHTTP10 = true
        } else {
            return nil
        }
        method = Self.method(UnsafeRawBufferPointer(rebasing: bytes[..<methodEnd]))
        target = .init(start, targetEnd)
        end = targetEnd + 11
        // RFC 9112 section 3.2: a path, an absolute URI, an authority for CONNECT, or an asterisk for OPTIONS.
        let first = bytes[start]
        let isPath = first == UInt8(ascii: "/")
        let isAsterisk = first == UInt8(ascii: "*") && targetEnd == start + 1 && method == .OPTIONS
        guard isPath || isAsterisk || first.isASCIILetterOrDigit || method == .CONNECT else { return nil }
    }

    private static func method(_ bytes: UnsafeRawBufferPointer) -> HTTPMethod {
        if bytes.equals("POST") { return .POST }
        if bytes.equals("GET") { return .GET }
        return HTTPMethod(rawValue: String(decoding: bytes, as: UTF8.self))
    }
}

/// Gathers what the fields say about the message's end and the connection's.
private struct FramingScanner {
    private let isHTTP10: Bool
    private var framing = RequestHead.Framing()
    private var hosts = 0
    private var closes = false
    private var asksToKeep = false

    init(isHTTP10: Bool) {
        self.isHTTP10 = isHTTP10
    }

    /// - Returns: false where the field makes the message's end uncertain.
    mutating func read(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 4 where name.equalsLowercased("host"):
            hosts += 1
        case 6 where name.equalsLowercased("expect"):
            framing.expectsContinue = value.equalsLowercased("100-continue")
        case 7 where name.equalsLowercased("upgrade"):
            framing.hasUpgrade = true
        case 10 where name.equalsLowercased("connection"):
            readConnection(value)
        case 14 where name.equalsLowercased("content-length"):
            guard framing.contentLength == nil, !framing.isChunked, let length = Self.length(value) else {
                return false
            }
            framing.contentLength = length
        case 17 where name.equalsLowercased("transfer-encoding"):
            // Codings besides are for proxies; a second `chunked` would be one more.
            guard !isHTTP10, !framing.isChunked, framing.contentLength == nil,
                value.equalsLowercased("chunked")
            else { return false }
            framing.isChunked = true
        default:
            break
        }
        return true
    }

    /// RFC 9112 section 3.2: exactly one `host`, but for HTTP/1.0, which may have none.
    func complete(method: HTTPMethod) -> RequestHead.Framing? {
        guard hosts == 1 || hosts == 0 && isHTTP10 else { return nil }
        var framing = framing
        framing.keepsAlive = !closes && (!isHTTP10 || asksToKeep) && method != .CONNECT
        return framing
    }

    private mutating func readConnection(_ value: UnsafeRawBufferPointer) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            var option = option
            while option.first?.isHTTPBlank == true { option.removeFirst() }
            while option.last?.isHTTPBlank == true { option.removeLast() }
            let bytes = UnsafeRawBufferPointer(rebasing: option)
            if bytes.equalsLowercased("close") { closes = true }
            if bytes.equalsLowercased("keep-alive") { asksToKeep = true }
        }
    }

    /// Digits alone, and no more of them than any body has.
    private static func length(_ value: UnsafeRawBufferPointer) -> Int? {
        guard 1...18 ~= value.count else { return nil }
        var length = 0
        for byte in value {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            length = length * 10 + Int(digit)
        }
        return length
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are `word`.
    fileprivate func equals(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != word.utf8Start[index] { return false }
        return true
    }

    /// Whether all bytes may stand in the value of a field (``UInt8/isHTTPFieldByte``), found out eight at a time.
    package var isHTTPFieldText: Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits = ones << 7
        var offset = 0
        while count - offset >= 8 {
            let word = loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            // The high bit of a byte is set where that is below 0x20, or 0x7f. Where one is, those above it may be, too.
            let control = (word &- ones &* 0x20) & ~word
            let deleted = word ^ (ones &* 0x7f)
            if (control | (deleted &- ones) & ~deleted) & highBits != 0 {
                // A tab is none of those that may not.
                for index in offset..<(offset + 8) where !self[index].isHTTPFieldByte { return false }
            }
            offset += 8
        }
        while offset < count {
            guard self[offset].isHTTPFieldByte else { return false }
            offset += 1
        }
        return true
    }
}

extension UInt8 {
    /// RFC 9110 section 5.6.2: what methods and names of fields consist of.
    var isHTTPTokenByte: Bool {
        // Bit n stands for byte n, and for byte 64 + n.
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        return self < 64 ? low >> UInt64(self) & 1 == 1 : self < 128 && high >> UInt64(self - 64) & 1 == 1
    }

    /// RFC 9110 section 5.5: text, blanks, and bytes above ASCII.
    var isHTTPFieldByte: Bool { self >= 0x20 && self != 0x7f || self == 0x09 }

    var isHTTPBlank: Bool { self == 0x20 || self == 0x09 }

    var isASCIILetterOrDigit: Bool {
        (self | 0x20) &- UInt8(ascii: "a") < 26 || self &- UInt8(ascii: "0") < 10
    }
}
