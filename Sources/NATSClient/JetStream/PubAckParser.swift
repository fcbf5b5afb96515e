import FoundationEssentials
import NIOCore

/// Reads publish acknowledgements, `{"stream":"S","seq":1,"duplicate":true}` or `{"error":{...}}`, without a JSON decoder:
/// one comes for every message published. What does not have that plain form goes to the decoder after all.
enum PubAckParser {
    static func parse(_ message: NATSMessage) -> Result<PubAck, NATSError> {
        let payload = message.payload
        if let ack = payload.withUnsafeReadableBytes(scan) { return .success(ack) }
        let answer: Answer
        do {
            answer = try JSONDecoder().decode(Answer.self, from: Data(payload.readableBytesView))
        } catch {
            return .failure(.malformedAnswer("a publish acknowledgement: \(error)"))
        }
        if let error = answer.error { return .failure(.jetStream(error)) }
        guard let stream = answer.stream, let sequence = answer.seq, !stream.isEmpty else {
            return .failure(.malformedAnswer("a publish acknowledgement without stream and sequence"))
        }
        return .success(PubAck(stream: stream, sequence: sequence, isDuplicate: answer.duplicate ?? false))
    }

    private struct Answer: Decodable {
        var stream: String?
        var seq: UInt64?
        var duplicate: Bool?
        var error: JetStreamAPIError?
    }

    /// An object of the keys `stream`, `seq`, `duplicate` and `domain` with plain values; `nil` for anything else.
    private static func scan(_ bytes: UnsafeRawBufferPointer) -> PubAck? {
        var scanner = Scanner(bytes: bytes)
        var stream: String?
        var sequence: UInt64?
        var isDuplicate = false
        guard scanner.take("{") else { return nil }
        repeat {
            guard let key = scanner.plainString(), scanner.take(":") else { return nil }
            if key.elementsEqual("stream".utf8) {
                guard let value = scanner.plainString() else { return nil }
                stream = String(decoding: value, as: UTF8.self)
            } else if key.elementsEqual("seq".utf8) {
                guard let value = scanner.number() else { return nil }
                sequence = value
            } else if key.elementsEqual("duplicate".utf8) {
                guard let value = scanner.boolean() else { return nil }
                isDuplicate = value
            } else if key.elementsEqual("domain".utf8) {
                guard scanner.plainString() != nil else { return nil }
            } else {
                return nil
            }
        } while scanner.take(",")
        guard scanner.take("}"), scanner.isAtEnd, let stream, !stream.isEmpty, let sequence else { return nil }
        return PubAck(stream: stream, sequence: sequence, isDuplicate: isDuplicate)
    }

    private struct Scanner {
        let bytes: UnsafeRawBufferPointer
        var index = 0

        init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return index == bytes.count
            }
        }

        mutating func skipSpace() {
            while index < bytes.count, bytes[index] <= 0x20 { index += 1 }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
            index += 1
            return true
        }

        /// A string without escapes.
        mutating func plainString() -> Slice<UnsafeRawBufferPointer>? {
            guard take("\"") else { return nil }
            let start = index
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                if bytes[index] == UInt8(ascii: "\\") { return nil }
                index += 1
            }
            guard index < bytes.count else { return nil }
            index += 1
            return bytes[start..<index - 1]
        }

        mutating func number() -> UInt64? {
            skipSpace()
            let start = index
            var value: UInt64 = 0
            while index < bytes.count, index - start < 19 {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit <= 9 else { break }
                value = value * 10 + UInt64(digit)
                index += 1
            }
            // Twenty digits may not fit: leave them to the decoder.
            return index == start || index - start == 19 ? nil : value
        }

        mutating func boolean() -> Bool? {
            skipSpace()
            let rest = bytes[index...]
            if rest.starts(with: "true".utf8) {
                index += 4
                return true
            }
            if rest.starts(with: "false".utf8) {
                index += 5
                return false
            }
            return nil
        }
    }
}
