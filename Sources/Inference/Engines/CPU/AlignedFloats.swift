/// Float32 memory aligned to a cache line: loads of 64 bytes that split a line cost twice.
final class AlignedFloats: @unchecked Sendable {
    // Written only while it is being made, or by the one session that owns it; read-only once shared.
    let start: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) {
        self.count = count
        let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
        start = raw.initializeMemory(as: Float.self, repeating: 0, count: max(count, 1))
    }

    convenience init(copying tensor: SafetensorsFile.Tensor) {
        self.init(count: tensor.count)
        tensor.withFloats { start.update(from: $0, count: tensor.count) }
    }

    deinit { UnsafeMutableRawPointer(start).deallocate() }
}
