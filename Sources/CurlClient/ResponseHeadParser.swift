/// Puts the header lines that libcurl hands out together: a value, driven by the header callback.
///
/// libcurl hands out the lines of every answer on the way, such as `100 Continue`, and trailers after the body; only the
/// final answer's own lines count.
package struct ResponseHeadParser: Sendable {
    private var status = 0
    private var headers: [CurlRequest.Header] = []
    private var isComplete = false

    package init() {}

    /// Takes one line, with or without its end.
    ///
    /// - Returns: the head, when this line was its last.
    package mutating func add(_ line: some Collection<UInt8>) -> CurlResponseHead? {
        guard !isComplete else { return nil }
        let text = String(decoding: line, as: UTF8.self).trimmed
        if text.utf8.starts(with: "HTTP/".utf8) {
            headers = []
            let fields = text.split(separator: " ", maxSplits: 2)
            status = fields.count > 1 ? Int(fields[1]) ?? 0 : 0
            return nil
        }
        guard !text.isEmpty else {
            guard status >= 200 else { return nil }
            isComplete = true
            return CurlResponseHead(status: status, headers: headers)
        }
        if let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(.init(String(text[..<colon]), text[text.index(after: colon)...].trimmed))
        }
        return nil
    }
}

extension StringProtocol {
    /// Without blanks and line ends on both sides.
    fileprivate var trimmed: String {
        let blank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
        let bytes = Array(utf8)
        guard let first = bytes.firstIndex(where: { !blank($0) }), let last = bytes.lastIndex(where: { !blank($0) })
        else { return "" }
        return String(decoding: bytes[first...last], as: UTF8.self)
    }
}
