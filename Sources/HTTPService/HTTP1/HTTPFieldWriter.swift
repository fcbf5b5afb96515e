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
        add(name, "", value)
    }

    /// Adds a field of a fixed value.
    public mutating func add(_ name: StaticString, _ value: StaticString) {
        name.withUTF8Buffer { name in
            value.withUTF8Buffer { value in writeLine(name, value, UnsafeBufferPointer(rebasing: value[..<0])) }
        }
    }

    /// Adds a field whose value begins with a fixed word.
    public mutating func add(_ name: StaticString, _ prefix: StaticString, _ rest: String) {
        var rest = rest
        name.withUTF8Buffer { name in
            prefix.withUTF8Buffer { prefix in
                rest.withUTF8 { rest in writeLine(name, prefix, rest) }
            }
        }
    }

    /// Adds lines that were prepared, each ended by CRLF.
    public mutating func add(lines: ByteBuffer) {
        buffer.writeImmutableBuffer(lines)
    }

    mutating func add(name: String, value: String) {
        var (name, value) = (name, value)
        name.withUTF8 { name in
            value.withUTF8 { value in writeLine(name, UnsafeBufferPointer(rebasing: value[..<0]), value) }
        }
    }

    /// Writes `name: prefix value`, space for all of it being made once: an answer has about ten lines.
    private mutating func writeLine(
        _ name: UnsafeBufferPointer<UInt8>, _ prefix: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>
    ) {
        let count = name.count + prefix.count + value.count + 4
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { line in
            UnsafeMutableRawBufferPointer(rebasing: line[..<name.count]).copyMemory(from: UnsafeRawBufferPointer(name))
            var end = name.count
            line[end] = UInt8(ascii: ":")
            line[end + 1] = UInt8(ascii: " ")
            end += 2
            UnsafeMutableRawBufferPointer(rebasing: line[end..<(end + prefix.count)])
                .copyMemory(from: UnsafeRawBufferPointer(prefix))
            end += prefix.count
            let written = UnsafeMutableRawBufferPointer(rebasing: line[end..<(end + value.count)])
            written.copyMemory(from: UnsafeRawBufferPointer(value))
            if !UnsafeRawBufferPointer(value).isHTTPFieldText {
                for index in written.indices where !written[index].isHTTPFieldByte {
                    written[index] = UInt8(ascii: " ")
                }
            }
            end += value.count
            line[end] = UInt8(ascii: "\r")
            line[end + 1] = UInt8(ascii: "\n")
            return count
        }
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
}
