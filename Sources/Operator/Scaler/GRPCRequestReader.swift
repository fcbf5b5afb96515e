import NIOCore

/// Reads the request of a call with one message: the head, then the message behind five bytes that say whether it is
/// compressed and how long it is (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
///
/// A value that is fed what comes in a stream of HTTP/2, in pieces of any size.
package struct GRPCRequestReader: Sendable {
    /// The longest message that is read: a trigger's metadata.
    package static let longestMessage = 64 << 10

    /// A whole request.
    package struct Request: Sendable, Hashable {
        /// `/package.Service/Method`
        package var path: String
        package var message: ByteBuffer

        package init(path: String, message: ByteBuffer) {
            self.path = path
            self.message = message
        }
    }

    /// What is no gRPC request at all is answered in HTTP's own words.
    package struct NotGRPC: Error, Sendable, Hashable {
        package var httpStatus: Int

        package init(httpStatus: Int) { self.httpStatus = httpStatus }
    }

    private enum State: Sendable {
        case begun
        case reading(path: String, ByteBuffer)
        case done
    }

    private var state = State.begun

    package init() {}

    /// The head of the request.
    ///
    /// - Throws: ``NotGRPC``, ``GRPCStatus``.
    package mutating func begin(method: String, path: String, contentType: String, encoding: String?) throws {
        guard case .begun = state else { throw GRPCStatus(.internal, "a request has one head") }
        guard method == "POST" else { throw NotGRPC(httpStatus: 405) }
        // `application/grpc`, which may be followed by `+proto` or `;` and more.
        let type = Array(contentType.utf8)
        let wanted = Array("application/grpc".utf8)
        guard type.starts(with: wanted),
            type.count == wanted.count || type[wanted.count] == UInt8(ascii: "+")
                || type[wanted.count] == UInt8(ascii: ";")
        else { throw NotGRPC(httpStatus: 415) }
        if let encoding, encoding != "identity" {
            throw GRPCStatus(.unimplemented, "messages in \(encoding) are not understood")
        }
        state = .reading(path: path, ByteBuffer())
    }

    /// Some bytes of the body.
    package mutating func read(_ bytes: ByteBuffer) throws(GRPCStatus) {
        guard case .reading(let path, var body) = state else {
            throw GRPCStatus(.internal, "a body without a head, or behind its end")
        }
        guard body.readableBytes + bytes.readableBytes <= Self.longestMessage + 5 else {
            throw GRPCStatus(.resourceExhausted, "the message is longer than \(Self.longestMessage) bytes")
        }
        state = .done
        body.writeImmutableBuffer(bytes)
        state = .reading(path: path, body)
    }

    /// The end of the request.
    package mutating func end() throws(GRPCStatus) -> Request {
        guard case .reading(let path, var body) = state else { throw GRPCStatus(.internal, "an end without a head") }
        state = .done
        guard let flag = body.readInteger(as: UInt8.self), let length = body.readInteger(as: UInt32.self) else {
            throw GRPCStatus(.internal, "the request has no message")
        }
        guard flag == 0 else { throw GRPCStatus(.unimplemented, "compressed messages are not understood") }
        guard Int(length) == body.readableBytes else {
            throw GRPCStatus(.internal, "the request does not have one whole message")
        }
        return Request(path: path, message: body)
    }

    /// A message as it goes over the wire.
    package static func framed(_ message: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0))
        frame.writeInteger(UInt32(message.readableBytes))
        frame.writeImmutableBuffer(message)
        return frame
    }
}
