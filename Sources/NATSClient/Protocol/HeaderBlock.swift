import NIOCore

/// The header block of a message: `NATS/1.0[ status[ description]]`, lines `Name: value`, an empty line; all end in CRLF
/// (NATS ADR-4).
enum HeaderBlock {
    static let version: StaticString = "NATS/1.0"
    private static let versionCount = 8

    /// Writes the version line, the headers and the empty line.
    static func write(_ headers: NATSHeaders, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("NATS/1.0\r\n")
        for entry in headers.entries {
            buffer.writeString(entry.name)
            buffer.writeStaticString(": ")
            buffer.writeString(entry.value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
    }

    /// Refuses what would end a line early or could not be read back.
    static func validate(_ headers: NATSHeaders) throws(NATSError) {
        for entry in headers.entries {
            let nameIsFine =
                !entry.name.isEmpty && entry.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
            let valueIsFine = entry.value.utf8.allSatisfy { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
            guard nameIsFine, valueIsFine else { throw .invalidHeader(entry.name) }
        }
    }

    /// The status code of the first line, 0 where there is none.
    static func status(in bytes: some RandomAccessCollection<UInt8>) -> UInt16 {
        let digits = bytes.dropFirst(versionCount)
        guard digits.first == UInt8(ascii: " ") else { return 0 }
        var code: UInt16 = 0
        for byte in digits.dropFirst().prefix(3) {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return 0 }
            code = code * 10 + UInt16(byte - UInt8(ascii: "0"))
        }
        return code
    }

    /// The text after the status code of the first line.
    static func statusDescription(in bytes: ByteBufferView) -> String {
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        return trimmed(line.dropFirst(versionCount + 4))
    }

    /// The header lines. Lines without a colon are passed over, since nothing can be said about them.
    static func parse(_ bytes: ByteBufferView) -> NATSHeaders {
        var headers = NATSHeaders()
        for line in bytes.split(separator: UInt8(ascii: "\n")).dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            headers.append(
                name: String(decoding: line[..<colon], as: UTF8.self), value: trimmed(line[line.index(after: colon)...])
            )
        }
        return headers
    }

    private static func trimmed(_ bytes: some BidirectionalCollection<UInt8>) -> String {
        var start = bytes.startIndex
        var end = bytes.endIndex
        while start < end, bytes[start] <= 0x20 { start = bytes.index(after: start) }
        while start < end, bytes[bytes.index(before: end)] <= 0x20 { end = bytes.index(before: end) }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }
}
