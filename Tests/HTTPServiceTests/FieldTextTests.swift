import HTTPService
import Testing

@Suite("Bytes of a field's value")
struct FieldTextTests {
    /// RFC 9110 section 5.5, byte by byte.
    static func mayStand(_ byte: UInt8) -> Bool { byte == 0x09 || byte >= 0x20 && byte != 0x7f }

    @Test("each byte counts wherever it stands, between bytes of all kinds")
    func everywhere() {
        for filler in [0x20, 0x41, 0x7e, 0x80, 0xff, 0x09] as [UInt8] {
            for length in 1...19 {
                for place in 0..<length {
                    for byte in UInt8.min...UInt8.max {
                        var bytes = [UInt8](repeating: filler, count: length)
                        bytes[place] = byte
                        guard bytes.withUnsafeBytes({ $0.isHTTPFieldText }) != Self.mayStand(byte) else { continue }
                        Issue.record("\(byte) at \(place) of \(length) between \(filler)")
                    }
                }
            }
        }
        #expect(([] as [UInt8]).withUnsafeBytes { $0.isHTTPFieldText })
    }
}
