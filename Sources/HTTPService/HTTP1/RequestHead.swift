import NIOCore
public import NIOHTTP1

/// The head of a request: the bytes as they came, and where its parts lie in them.
///
/// Nothing is copied out of it before somebody asks: on a fast lane most fields of most requests are never looked at.
public struct RequestHead: Sendable {
    /// A part of the head's bytes.
    struct Extent: Equatable {
        var start: UInt32
        var count: UInt32

        init(_ start: Int, _ end: Int) {
            self.start = UInt32(truncatingIfNeeded: start)
            count = UInt32(truncatingIfNeeded: end - start)
        }

        func of(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: bytes[Int(start)..<Int(start) + Int(count)])
        }
    }

    struct Field: Equatable {
        var name: Extent
        var value: Extent

        /// Most fields that are asked for are not there, and most names differ in length.
        func isNamed(_ word: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
            Int(name.count) == word.utf8CodeUnitCount && name.of(bytes).equalsLowercased(word)
        }
    }

    /// How the message is framed and what becomes of its connection.
    struct Framing: Equatable {
        var contentLength: Int?
        var isChunked = false
        var expectsContinue = false
        var keepsAlive = true
        var hasUpgrade = false
    }

    /// All of a head: it is handed on many times, and is one reference each time.
    private final class Parts: Sendable {
        let bytes: ByteBuffer
        let target: Extent
        let fields: [Field]
        let framing: Framing
        let method: HTTPMethod
        let version: HTTPVersion

        init(
            _ bytes: ByteBuffer, _ target: Extent, _ fields: [Field], _ framing: Framing, _ method: HTTPMethod,
            _ version: HTTPVersion
        ) {
            self.bytes = bytes
            self.target = target
            self.fields = fields
            self.framing = framing
            self.method = method
            self.version = version
        }
    }

    private let parts: Parts

    init(
        bytes: ByteBuffer, target: Extent, fields: [Field], framing: Framing, method: HTTPMethod, version: HTTPVersion
    ) {
        parts = Parts(bytes, target, fields, framing, method, version)
    }

    var bytes: ByteBuffer { parts.bytes }
    var target: Extent { parts.target }
    var fields: [Field] { parts.fields }
    var framing: Framing { parts.framing }
    /// The method, upper and lower case told apart.
    public var method: HTTPMethod { parts.method }
    /// 1.0 or 1.1.
    public var version: HTTPVersion { parts.version }

    /// Whether the client wants to use the connection again.
    package var keepsAlive: Bool { framing.keepsAlive }

    /// The request target as it came, not decoded.
    public var uri: String { text(target) }

    /// The value of the first field of a name; nil where there is none.
    ///
    /// - Parameter name: in lower case.
    public func first(_ name: StaticString) -> String? {
        bytes.withUnsafeReadableBytes { bytes in
            fields.first { $0.isNamed(name, in: bytes) }.map {
                String(decoding: $0.value.of(bytes), as: UTF8.self)
            }
        }
    }

    /// Whether there is a field of a name, given in lower case.
    public func contains(_ name: StaticString) -> Bool {
        bytes.withUnsafeReadableBytes { bytes in fields.contains { $0.isNamed(name, in: bytes) } }
    }

    /// Calls `body` with the name and the value of each field, in their order: for those who look for several.
    public func forEachField(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeReadableBytes { bytes in
            for field in fields { body(field.name.of(bytes), field.value.of(bytes)) }
        }
    }

    /// Calls `body` with the bytes of the request target.
    public func withURIBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeReadableBytes { body(target.of($0)) }
    }

    /// All fields in their order, as NIO's type. For those who need many of them; it copies each.
    public var headers: HTTPHeaders {
        HTTPHeaders(fields.map { (text($0.name), text($0.value)) })
    }

    private func text(_ extent: Extent) -> String {
        bytes.withUnsafeReadableBytes { String(decoding: extent.of($0), as: UTF8.self) }
    }
}

extension HTTPRequestHead {
    /// NIO's form of a head.
    public init(_ head: RequestHead) {
        self.init(version: head.version, method: head.method, uri: head.uri, headers: head.headers)
    }
}

extension RequestHead {
    /// A head as it is written, without the empty line at its end; nil where it is none.
    package init?(_ text: String) {
        var parser = HTTPRequestParser(limits: .init())
        parser.feed(ByteBuffer(string: text + "\r\n"))
        guard case .head(let head)? = try? parser.next() else { return nil }
        self = head
    }
}

extension UnsafeRawBufferPointer {
    /// Whether these bytes are the word `word`, given in lower case, whatever their own case.
    package func equalsLowercased(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        let expected = word.utf8Start
        for index in 0..<count {
            let byte = self[index]
            let lowered = byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
            if lowered != expected[index] { return false }
        }
        return true
    }
}
