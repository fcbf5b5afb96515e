/// The model part of an inference path, decoded and checked: `[bundle ":/"] model-id`.
///
/// The wire carries it in two spellings that name one model: raw (`BAAI/bge-m3`, Python SDK) and
/// percent-encoded (`BAAI%2Fbge-m3`, TypeScript SDK), so it is decoded before anything else looks at it.
/// Whether a trailing `:profile` is part of the id is not decided here: only the catalog knows.
package struct ModelPath: Equatable, Sendable {
    /// The bundle override in front of `:/`; nil when absent or empty. Compared case-sensitively.
    package var bundle: String?
    /// The model id as the caller spelled it, possibly with a profile suffix.
    package var modelID: String

    /// Longest decoded path accepted, in bytes. Far above any real id, far below what could hurt a log or a subject.
    package static let maximumBytes = 512

    package enum Rejection: Error, Equatable, Sendable {
        case empty
        case tooLong
        case badPercentEncoding
        case notUTF8
        case controlCharacter
        case dotSegment

        /// What the caller reads in the 400 answer.
        package var message: String {
            switch self {
            case .empty: "model is required"
            case .tooLong: "Invalid model id: longer than \(ModelPath.maximumBytes) bytes"
            case .badPercentEncoding: "Invalid model id: malformed percent-encoding"
            case .notUTF8: "Invalid model id: not valid UTF-8"
            case .controlCharacter: "Invalid model id: control characters are not allowed"
            case .dotSegment: "Invalid model id: '..' is not allowed"
            }
        }
    }

    package init(bundle: String?, modelID: String) {
        self.bundle = bundle
        self.modelID = modelID
    }

    /// Parses what follows `/v1/encode/` in the raw request target (without the query).
    package init(raw: Substring) throws(Rejection) {
        let decoded = try Self.percentDecoded(raw)
        guard decoded.count <= Self.maximumBytes else { throw .tooLong }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .notUTF8 }
        try self.init(decoded: text)
    }

    /// Parses an already decoded spec, such as the `model` field of an OpenAI-shaped request.
    package init(decoded text: String) throws(Rejection) {
        guard text.utf8.count <= Self.maximumBytes else { throw .tooLong }
        guard !text.unicodeScalars.contains(where: \.isControl) else { throw .controlCharacter }
        guard !text.utf8Contains(dots: 2) else { throw .dotSegment }
        if let colon = text.utf8.indices.first(where: { text.utf8[$0...].starts(with: ":/".utf8) }) {
            let override = text[..<colon]
            bundle = override.isEmpty ? nil : String(override)
            modelID = String(text[text.utf8.index(colon, offsetBy: 2)...])
        } else {
            bundle = nil
            modelID = text
        }
        guard !modelID.isEmpty else { throw .empty }
    }

    private static func percentDecoded(_ raw: Substring) throws(Rejection) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(raw.utf8.count)
        var bytes = raw.utf8.makeIterator()
        while let byte = bytes.next() {
            guard byte == UInt8(ascii: "%") else {
                decoded.append(byte)
                continue
            }
            guard let high = bytes.next().flatMap(hexDigit), let low = bytes.next().flatMap(hexDigit) else {
                throw .badPercentEncoding
            }
            decoded.append(high << 4 | low)
        }
        return decoded
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Unicode.Scalar {
    /// C0, DEL and C1 controls: they would break log lines and NATS subjects.
    fileprivate var isControl: Bool { value < 0x20 || (0x7F...0x9F).contains(value) }
}

extension String {
    fileprivate func utf8Contains(dots wanted: Int) -> Bool {
        var run = 0
        for byte in utf8 {
            run = byte == UInt8(ascii: ".") ? run + 1 : 0
            if run == wanted { return true }
        }
        return false
    }
}
