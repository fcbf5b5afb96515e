public import NIOCore
public import NIOHTTP1

/// Writes the fields of an answer straight into the bytes that go to the client.
public struct HTTPFieldWriter {
    /// Lines that are written, ended by CRLF each.
    var buffer: ByteBuffer

    /// Adds a field.
    ///
    /// - Parameters:
    ///   - name: in lower case.
    ///   - value: control characters in it, which could end the line, become spaces.
    public mutating func add(_ name: StaticString, _ value: String) {
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
        let start = buffer.writerIndex
        buffer.writeString(value)
        endLine(valueAt: start)
    }

    /// Adds a field of a fixed value.
    public mutating func add(_ name: StaticString, _ value: StaticString) {
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
        buffer.writeStaticString(value)
        buffer.writeStaticString("\r\n")
    }

    /// Adds a field whose value begins with a fixed word.
    public mutating func add(_ name: StaticString, _ prefix: StaticString, _ rest: String) {
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
        let start = buffer.writerIndex
        buffer.writeStaticString(prefix)
        buffer.writeString(rest)
        endLine(valueAt: start)
    }

    /// Adds lines that were prepared, each ended by CRLF.
    public mutating func add(lines: ByteBuffer) {
        buffer.writeImmutableBuffer(lines)
    }

    mutating func add(name: String, value: String) {
        let start = buffer.writerIndex
        buffer.writeString(name)
        buffer.writeStaticString(": ")
        buffer.writeString(value)
        endLine(valueAt: start)
    }

    private mutating func endLine(valueAt start: Int) {
        let length = buffer.writerIndex - start
        let isClean = buffer.withUnsafeReadableBytes { bytes in
            bytes.suffix(length).allSatisfy(\.isHTTPFieldByte)
        }
        if !isClean {
            for index in start..<buffer.writerIndex
            where buffer.getInteger(at: index, as: UInt8.self)?.isHTTPFieldByte == false {
                buffer.setInteger(UInt8(ascii: " "), at: index)
            }
        }
        buffer.writeStaticString("\r\n")
    }

    /// The lines of fields given as NIO's type, for those who answer alike again and again.
    public static func lines(_ headers: HTTPHeaders) -> ByteBuffer {
        var writer = HTTPFieldWriter(buffer: ByteBuffer())
        writer.add(headers)
        return writer.buffer
    }

    mutating func add(_ headers: HTTPHeaders) {
        for (name, value) in headers { add(name: name, value: value) }
    }

    /// Adds what a handler says of its answer, but for what the connection says itself.
    ///
    /// - Parameter length: whether a `content-length` among them counts.
    mutating func add(_ headers: HTTPHeaders, length: Bool) {
        for (name, value) in headers {
            switch name.utf8.count {
            case 4 where name.lowercased() == "date", 10 where name.lowercased() == "connection",
                17 where name.lowercased() == "transfer-encoding":
                continue
            case 14 where !length && name.lowercased() == "content-length":
                continue
            default:
                add(name: name, value: value)
            }
        }
    }
}

extension ByteBuffer {
    /// `HTTP/1.1 200 OK`
    mutating func writeStatusLine(_ status: HTTPResponseStatus, version: HTTPVersion) {
        if version == .http1_1, status == .ok {
            writeStaticString("HTTP/1.1 200 OK\r\n")
        } else {
            writeString("HTTP/1.\(version.minor) \(status.code) \(status.reasonPhrase)\r\n")
        }
    }

    /// A decimal number as text.
    mutating func writeDecimal(_ number: Int) {
        writeString(String(number))
    }
}
