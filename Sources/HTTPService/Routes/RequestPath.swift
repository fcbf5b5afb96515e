public import Hummingbird

extension Request {
    /// The percent-decoded rest of the path behind `prefix`, slashes and all: ids contain them.
    ///
    /// - Returns: `nil` if the rest is empty or is no valid UTF-8 once decoded, or holds a malformed escape.
    public func decodedPath(after prefix: String) -> String? {
        guard uri.path.hasPrefix(prefix) else { return nil }
        let rest = uri.path.utf8.dropFirst(prefix.utf8.count)
        guard !rest.isEmpty else { return nil }
        return PercentEncoding.decode(rest)
    }
}

/// RFC 3986 section 2.1.
public enum PercentEncoding {
    /// Decodes percent escapes; `nil` for a malformed escape or a result that is not UTF-8. `+` stays.
    public static func decode(_ encoded: some Sequence<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var iterator = encoded.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(nibble), let low = iterator.next().flatMap(nibble) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
