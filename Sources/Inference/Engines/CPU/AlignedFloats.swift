#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Float32 memory aligned to a cache line: loads of 64 bytes that split a line cost twice.
package final class AlignedFloats: @unchecked Sendable {
    // Written only while it is being made, or by the one session that owns it; read-only once shared.
    package let start: UnsafeMutablePointer<Float>
    package let count: Int

    /// Zeros.
    package init(count: Int) throws(OutOfMemory) {
        self.count = count
        let (size, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Float>.size)
        var memory: UnsafeMutableRawPointer?
        guard !overflow, posix_memalign(&memory, 64, size) == 0, let memory else {
            throw OutOfMemory(bytes: overflow ? .max : size)
        }
        start = memory.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    }

    convenience init(copying tensor: SafetensorsFile.Tensor) throws(OutOfMemory) {
        try self.init(count: tensor.count)
        UnsafeMutableRawPointer(start).copyMemory(
            from: tensor.bytes.baseAddress ?? UnsafeRawPointer(start), byteCount: tensor.bytes.count)
    }

    deinit { free(start) }
}
