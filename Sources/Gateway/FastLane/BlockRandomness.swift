#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The system's randomness, fetched in blocks: one system call for many numbers.
struct BlockRandomness: RandomNumberGenerator {
    // 256 bytes: the most that `getentropy` gives at once.
    private var block = [UInt64](repeating: 0, count: 32)
    private var used = 32

    mutating func next() -> UInt64 {
        if used == block.count {
            let filled = block.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
            guard filled else {
                var system = SystemRandomNumberGenerator()
                return system.next()
            }
            used = 0
        }
        defer {
            // A number that was given away is not kept.
            block[used] = 0
            used += 1
        }
        return block[used]
    }
}
