/// Request ids: UUID version 7 (RFC 9562), lower case with hyphens, so that they sort by creation time.
public enum RequestID {
    /// A fresh id for the Unix time `milliseconds`.
    public static func make(
        milliseconds: UInt64, using generator: inout some RandomNumberGenerator
    ) -> String {
        let high = (milliseconds << 16) | 0x7000 | (generator.next() & 0x0fff)
        let low = (generator.next() & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000
        return String(unsafeUninitializedCapacity: 36) { buffer in
            var index = 0
            for nibble in 0..<32 {
                if nibble == 8 || nibble == 12 || nibble == 16 || nibble == 20 {
                    buffer[index] = UInt8(ascii: "-")
                    index += 1
                }
                let word = nibble < 16 ? high : low
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(60 - (nibble & 15) * 4)) & 0xf
                buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
                index += 1
            }
            return 36
        }
    }
}
