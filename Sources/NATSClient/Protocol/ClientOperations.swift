import NIOCore

/// How the operations of a client are written.
extension ByteBuffer {
    /// The width of a size field. The size is known after the payload is written, so room is left for it and filled with
    /// spaces: the protocol lets any number of them separate fields.
    private static var sizeFieldWidth: Int { 9 }

    /// Writes a PUB or HPUB operation whose payload `write` appends.
    ///
    /// Nothing is left in the buffer where this throws.
    /// - Returns: the number of header and payload bytes.
    mutating func writePublish(
        subject: String, reply: ReplySubject, headers: NATSHeaders, sizeHint: Int, maxPayloadBytes: Int,
        write: (inout ByteBuffer) -> Void
    ) throws(NATSError) {
        let start = writerIndex
        reserveCapacity(minimumWritableBytes: max(0, sizeHint) + subject.utf8.count + 96)
        writeStaticString(headers.isEmpty ? "PUB " : "HPUB ")
        writeString(subject)
        switch reply {
        case .none: break
        case .subject(let reply):
            writeInteger(UInt8(ascii: " "))
            writeString(reply)
        case .slot(let prefix, let token):
            writeInteger(UInt8(ascii: " "))
            writeString(prefix)
            writeBase16(token)
        }
        if headers.isEmpty {
            writeStaticString("          \r\n")
            let body = writerIndex
            write(&self)
            let size = writerIndex - body
            try checkSize(size, limit: maxPayloadBytes, start: start)
            setDecimal(size, endingAt: body - 2)
        } else {
            writeStaticString("                    \r\n")
            let body = writerIndex
            HeaderBlock.write(headers, to: &self)
            let headerSize = writerIndex - body
            write(&self)
            let size = writerIndex - body
            try checkSize(size, limit: maxPayloadBytes, start: start)
            setDecimal(headerSize, endingAt: body - 2 - Self.sizeFieldWidth - 1)
            setDecimal(size, endingAt: body - 2)
        }
        writeStaticString("\r\n")
    }

    /// Writes a PUB operation to the reply subject of a message, with a short text as payload.
    mutating func writeAcknowledgement(of message: NATSMessage, text: String) {
        writeStaticString("PUB ")
        writeBytes(message.replyBytes)
        writeInteger(UInt8(ascii: " "))
        writeDecimal(text.utf8.count)
        writeStaticString("\r\n")
        writeString(text)
        writeStaticString("\r\n")
    }

    /// Writes a PUB operation with a short text as payload, to be answered on `<replyPrefix><replyToken in base 16>`.
    mutating func writeRequest(subject: String, replyPrefix: String, replyToken: UInt64, payload: String) {
        writeStaticString("PUB ")
        writeString(subject)
        writeInteger(UInt8(ascii: " "))
        writeString(replyPrefix)
        writeBase16(replyToken)
        writeInteger(UInt8(ascii: " "))
        writeDecimal(payload.utf8.count)
        writeStaticString("\r\n")
        writeString(payload)
        writeStaticString("\r\n")
    }

    mutating func writeSubscribe(subject: String, queueGroup: String?, id: UInt64) {
        writeStaticString("SUB ")
        writeString(subject)
        if let queueGroup {
            writeInteger(UInt8(ascii: " "))
            writeString(queueGroup)
        }
        writeInteger(UInt8(ascii: " "))
        writeDecimal(Int(truncatingIfNeeded: id))
        writeStaticString("\r\n")
    }

    mutating func writeUnsubscribe(id: UInt64) {
        writeStaticString("UNSUB ")
        writeDecimal(Int(truncatingIfNeeded: id))
        writeStaticString("\r\n")
    }

    mutating func writeBase16(_ value: UInt64) {
        var shift = value == 0 ? 0 : (63 - value.leadingZeroBitCount) & ~3
        while shift >= 0 {
            let digit = UInt8(truncatingIfNeeded: (value >> UInt64(shift)) & 15)
            writeInteger(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            shift -= 4
        }
    }

    private mutating func writeDecimal(_ value: Int) {
        writeString(String(value))
    }

    /// Overwrites the bytes before `end` with the digits of `value`.
    private mutating func setDecimal(_ value: Int, endingAt end: Int) {
        var rest = value
        var index = end
        repeat {
            index -= 1
            setInteger(UInt8(ascii: "0") + UInt8(rest % 10), at: index)
            rest /= 10
        } while rest > 0
    }

    private mutating func checkSize(_ size: Int, limit: Int, start: Int) throws(NATSError) {
        // A size of more digits than the field has cannot be written either.
        guard size > min(limit, 999_999_999) else { return }
        moveWriterIndex(to: start)
        throw .maxPayloadExceeded(sizeBytes: size, limitBytes: limit)
    }
}
