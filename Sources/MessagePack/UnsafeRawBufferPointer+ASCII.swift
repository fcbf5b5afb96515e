extension UnsafeRawBufferPointer {
    /// Whether all bytes are ASCII, found out eight at a time.
    package var isASCII: Bool {
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var offset = 0
        var seen: UInt64 = 0
        while count - offset >= 8 {
            seen |= loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            seen |= UInt64(self[offset])
            offset += 1
        }
        return seen & highBits == 0
    }
}
