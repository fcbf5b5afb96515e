import MessagePack

extension MessagePackValue {
    /// A random value, containers at most `depth` deep.
    static func random(using generator: inout some RandomNumberGenerator, depth: Int = 4) -> MessagePackValue {
        switch Int.random(in: 0..<(depth > 0 ? 11 : 8), using: &generator) {
        case 0: return .nil
        case 1: return .bool(.random(using: &generator))
        case 2:
            let shift = Int.random(in: 0..<64, using: &generator)
            return .int(Int64(bitPattern: generator.next()) >> shift)
        case 3: return .uint(UInt64(Int64.max) + 1 + generator.next() % 1000)
        case 4: return .float(Float.random(in: -1e6...1e6, using: &generator))
        case 5: return .double(Double.random(in: -1e300...1e300, using: &generator))
        case 6:
            let letters = ["a", "ß", "日", "😀", "\"", "\n"]
            let count = [0, 3, 31, 32, 300][Int.random(in: 0..<5, using: &generator)]
            return .string((0..<count).map { _ in letters[Int.random(in: 0..<6, using: &generator)] }.joined())
        case 7:
            let count = [0, 1, 255, 256, 70_000][Int.random(in: 0..<5, using: &generator)]
            return .binary((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) })
        case 8:
            let count = [0, 1, 15, 16, 40][Int.random(in: 0..<5, using: &generator)]
            return .array((0..<count).map { _ in random(using: &generator, depth: depth - 2) })
        case 9:
            let count = [0, 1, 15, 16][Int.random(in: 0..<4, using: &generator)]
            return .map(
                (0..<count).map { _ in
                    MessagePackPair(
                        random(using: &generator, depth: 0), random(using: &generator, depth: depth - 2))
                })
        default:
            let count = [1, 2, 3, 4, 8, 16, 17, 300][Int.random(in: 0..<8, using: &generator)]
            return .ext(type: Int8.random(in: -128...127, using: &generator), data: Array(repeating: 7, count: count))
        }
    }
}
