/// Percent-encoding for parts of paths and queries (RFC 3986): everything but unreserved characters.
enum PathSegment {
    static func encode(_ text: String) -> String {
        var encoded: [UInt8] = []
        encoded.reserveCapacity(text.utf8.count)
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        // A whole segment of dots would mean another path.
        if encoded == [0x2E] || encoded == [0x2E, 0x2E] { return String(repeating: "%2E", count: encoded.count) }
        return String(decoding: encoded, as: UTF8.self)
    }
}
