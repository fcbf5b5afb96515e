import NIOCore

/// A message as it arrived. Subject, reply and headers are read from its bytes when asked for.
///
/// The message shares the memory of the read it came with (up to 256 KiB). Whoever keeps a small message for long
/// should keep a copy of what it needs instead.
public struct NATSMessage: Sendable {
    /// Subject, reply, header block and payload in one slice, found by the ranges below.
    let frame: ByteBuffer
    let layout: Layout

    /// Where the parts of a message lie in its frame. Lengths of zero mean that the part is absent.
    struct Layout: Sendable, Equatable {
        var subject: Span
        var reply = Span(offset: 0, count: 0)
        var headers = Span(offset: 0, count: 0)
        var payload: Span
        /// The status code of the header line (`NATS/1.0 503`), 0 where there is none.
        var status: UInt16 = 0
    }

    /// A part of the frame, relative to its reader index.
    struct Span: Sendable, Equatable {
        var offset: Int32
        var count: Int32

        init(offset: Int, count: Int) {
            self.offset = Int32(truncatingIfNeeded: offset)
            self.count = Int32(truncatingIfNeeded: count)
        }
    }

    init(frame: ByteBuffer, layout: Layout) {
        self.frame = frame
        self.layout = layout
    }

    /// The subject it was published to.
    public var subject: String { string(layout.subject) }
    /// Where an answer is expected.
    public var reply: String? { layout.reply.count == 0 ? nil : string(layout.reply) }
    /// The bytes of the subject, without making a string.
    public var subjectBytes: ByteBufferView { view(layout.subject) }
    /// The bytes of the reply subject, empty where there is none.
    public var replyBytes: ByteBufferView { view(layout.reply) }
    /// The payload: a slice, not a copy.
    public var payload: ByteBuffer { slice(layout.payload) }
    /// The number of bytes of the payload.
    public var payloadSizeBytes: Int { Int(layout.payload.count) }
    /// The number of bytes of the payload and the headers, the size that limits are about.
    public var sizeBytes: Int { Int(layout.payload.count) + Int(layout.headers.count) }
    /// The status code of a server's own message (100, 404, 408, 409, 503), or `nil`.
    public var status: Int? { layout.status == 0 ? nil : Int(layout.status) }
    /// The text after the status code.
    public var statusDescription: String? {
        layout.status == 0 ? nil : HeaderBlock.statusDescription(in: view(layout.headers))
    }
    /// The headers; empty where there are none.
    public var headers: NATSHeaders {
        layout.headers.count == 0 ? NATSHeaders() : HeaderBlock.parse(view(layout.headers))
    }

    func string(_ span: Span) -> String {
        frame.getString(at: frame.readerIndex + Int(span.offset), length: Int(span.count)) ?? ""
    }

    func view(_ span: Span) -> ByteBufferView {
        frame.viewBytes(at: frame.readerIndex + Int(span.offset), length: Int(span.count)) ?? ByteBufferView()
    }

    func slice(_ span: Span) -> ByteBuffer {
        frame.getSlice(at: frame.readerIndex + Int(span.offset), length: Int(span.count)) ?? ByteBuffer()
    }
}

extension NATSMessage {
    /// A message made by hand, for tests and for passing on what did not come from a server.
    public init(subject: String, reply: String? = nil, headers: NATSHeaders = NATSHeaders(), payload: ByteBuffer) {
        var frame = ByteBuffer()
        let subjectCount = frame.writeString(subject)
        let replyCount = frame.writeString(reply ?? "")
        let headerStart = frame.writerIndex
        if !headers.isEmpty { HeaderBlock.write(headers, to: &frame) }
        let headerCount = frame.writerIndex - headerStart
        frame.writeImmutableBuffer(payload)
        self.init(
            frame: frame,
            layout: Layout(
                subject: Span(offset: 0, count: subjectCount),
                reply: Span(offset: subjectCount, count: replyCount),
                headers: Span(offset: headerStart, count: headerCount),
                payload: Span(offset: headerStart + headerCount, count: payload.readableBytes)))
    }
}
