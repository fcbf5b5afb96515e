import CKernels
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The levels with kernels in this build, each compared with double-precision arithmetic written plainly.
@Suite("CPU kernels")
struct KernelTests {
    static let levels: [(name: String, code: sie_cpu_level)] = [
        ("portable", SIE_CPU_PORTABLE), ("avx2", SIE_CPU_AVX2), ("avx512", SIE_CPU_AVX512), ("neon", SIE_CPU_NEON),
    ]

    private func kernels(_ name: String) throws -> sie_kernels? {
        let level = try #require(Self.levels.first { $0.name == name })
        guard sie_cpu_supports(level.code) else {
            print("SKIPPED: \(name) kernels; this processor does not run them")
            return nil
        }
        return sie_kernels_of(level.code)?.pointee
    }

    private func random(_ count: Int, _ generator: inout SeededGenerator) -> [Float] {
        (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
    }

    private func gelu(_ x: Double) -> Double { x * 0.5 * (1 + erf(x / 2.0.squareRoot())) }

    @Test(
        "products with bias, activation and residual match on random shapes with tails", arguments: levels.map(\.name))
    func gemm(level: String) throws {
        guard let kernels = try kernels(level) else { return }
        var generator = SeededGenerator(seed: 20)
        var shapes = (1...20).map { ($0, 7 + $0 * 5, 3 + $0) }
        shapes += [(130, 33, 64), (1, 1, 1), (121, 96, 100), (2, 2, 384), (37, 31, 17)]
        for (round, (m, n, k)) in shapes.enumerated() {
            let a = random(m * k, &generator)
            let weight = random(n * k, &generator)
            let bias = random(n, &generator)
            let residual = random(m * n, &generator)
            var packed = [Float](repeating: .nan, count: kernels.packed_count(n, k))
            kernels.pack(n, k, weight, k, &packed)
            var c = [Float](repeating: .nan, count: m * n)
            let activates = round % 2 == 0
            let adds = round % 3 == 0
            a.withUnsafeBufferPointer { a in
                packed.withUnsafeBufferPointer { packed in
                    bias.withUnsafeBufferPointer { bias in
                        residual.withUnsafeBufferPointer { residual in
                            c.withUnsafeMutableBufferPointer { c in
                                var op = sie_gemm(
                                    m: m, n: n, k: k, a: a.baseAddress, a_stride: k, packed: packed.baseAddress,
                                    bias: bias.baseAddress,
                                    activation: activates ? SIE_ACTIVATION_GELU_ERF : SIE_ACTIVATION_NONE,
                                    residual: adds ? residual.baseAddress : nil, residual_stride: n,
                                    c: c.baseAddress, c_stride: n)
                                kernels.gemm(&op)
                            }
                        }
                    }
                }
            }
            var worst = 0.0
            for row in 0..<m {
                for column in 0..<n {
                    var sum = Double(bias[column])
                    for index in 0..<k { sum += Double(a[row * k + index]) * Double(weight[column * k + index]) }
                    if activates { sum = gelu(sum) }
                    if adds { sum += Double(residual[row * n + column]) }
                    let error = (Double(c[row * n + column]) - sum).magnitude
                    worst = error.isNaN ? .infinity : max(worst, error)
                }
            }
            #expect(worst < 2e-5, "\(m)x\(n)x\(k): \(worst)")
        }
    }

    @Test("attention matches softmax(q k^T) v for every length up to 70 and a long one", arguments: levels.map(\.name))
    func attention(level: String) throws {
        guard let kernels = try kernels(level) else { return }
        var generator = SeededGenerator(seed: 21)
        let (heads, width) = (2, 24)
        for (tokens, shift) in (Array(1...70) + [257]).map({ ($0, Float(0)) }) + [(13, 4), (100, 4)] {
            let stride = 3 * heads * width
            var qkv = random(tokens * stride, &generator).map { $0 * 2 }
            // Queries and keys that point away from each other: scores so low that every e^score alone would be zero,
            // and so large that their float32 rounding shows.
            for index in qkv.indices where index % stride < heads * width { qkv[index] += shift }
            for index in qkv.indices where (1..<2).contains(index % stride / (heads * width)) { qkv[index] -= shift }
            var out = [Float](repeating: .nan, count: tokens * heads * width)
            var scratch = [Float](repeating: .nan, count: kernels.attention_scratch(tokens, width))
            qkv.withUnsafeBufferPointer { qkv in
                guard let start = qkv.baseAddress else { return }
                out.withUnsafeMutableBufferPointer { out in
                    scratch.withUnsafeMutableBufferPointer { scratch in
                        var op = sie_attention(
                            tokens: tokens, heads: heads, head_dim: width, q: start, k: start + heads * width,
                            v: start + 2 * heads * width, stride: stride, out: out.baseAddress,
                            out_stride: heads * width, scratch: scratch.baseAddress)
                        kernels.attention(&op)
                    }
                }
            }
            var worst = 0.0
            for head in 0..<heads {
                for row in 0..<tokens {
                    let scores = (0..<tokens).map { other in
                        (0..<width).reduce(0.0) { sum, index in
                            sum + Double(qkv[row * stride + head * width + index])
                                * Double(qkv[other * stride + (heads + head) * width + index])
                        }
                    }
                    let top = scores.max() ?? 0
                    let weights = scores.map { exp($0 - top) }
                    let total = weights.reduce(0, +)
                    for index in 0..<width {
                        let expected = (0..<tokens).reduce(0.0) { sum, other in
                            sum + weights[other] / total
                                * Double(qkv[other * stride + (2 * heads + head) * width + index])
                        }
                        let error = (Double(out[row * heads * width + head * width + index]) - expected).magnitude
                        worst = error.isNaN ? .infinity : max(worst, error)
                    }
                }
            }
            #expect(worst < (shift > 0 ? 2e-4 : 1e-5), "\(tokens) tokens: \(worst)")
        }
    }

    @Test("layer norm, pooling and unit length match for odd widths", arguments: levels.map(\.name))
    func rows(level: String) throws {
        guard let kernels = try kernels(level) else { return }
        var generator = SeededGenerator(seed: 22)
        for width in [1, 3, 4, 15, 16, 17, 33, 384] {
            let rows = 5
            let x = random(rows * width, &generator)
            let gain = random(width, &generator)
            let bias = random(width, &generator)
            var out = [Float](repeating: .nan, count: rows * width)
            kernels.layer_norm(rows, width, x, width, gain, bias, 1e-5, &out, width)
            for row in 0..<rows {
                let line = x[row * width..<(row + 1) * width].map(Double.init)
                let mean = line.reduce(0, +) / Double(width)
                let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
                for column in 0..<width {
                    let expected =
                        (line[column] - mean) / (variance + 1e-5).squareRoot() * Double(gain[column])
                        + Double(bias[column])
                    #expect((Double(out[row * width + column]) - expected).magnitude < 1e-4)
                }
            }
            var mean = [Float](repeating: .nan, count: width)
            kernels.mean_rows(rows, width, x, width, &mean)
            for column in 0..<width {
                let expected = (0..<rows).reduce(0.0) { $0 + Double(x[$1 * width + column]) } / Double(rows)
                #expect((Double(mean[column]) - expected).magnitude < 1e-6)
            }
            kernels.l2_normalize(width, &mean)
            #expect((mean.reduce(0) { $0 + $1 * $1 } - 1).magnitude < 1e-5)
        }
        var zeros = [Float](repeating: 0, count: 20)
        kernels.l2_normalize(20, &zeros)
        #expect(zeros.allSatisfy { $0 == 0 })
    }

    @Test("a row's product has the same bits at every place in a batch", arguments: levels.map(\.name))
    func rowInvariance(level: String) throws {
        guard let kernels = try kernels(level) else { return }
        var generator = SeededGenerator(seed: 23)
        let (n, k) = (70, 50)
        let row = random(k, &generator)
        let weight = random(n * k, &generator)
        var packed = [Float](repeating: .nan, count: kernels.packed_count(n, k))
        kernels.pack(n, k, weight, k, &packed)
        var first: [Float]?
        for m in 1...25 {
            let a = Array(repeatElement(row, count: m).joined())
            var c = [Float](repeating: 0, count: m * n)
            a.withUnsafeBufferPointer { a in
                packed.withUnsafeBufferPointer { packed in
                    c.withUnsafeMutableBufferPointer { c in
                        var op = sie_gemm(
                            m: m, n: n, k: k, a: a.baseAddress, a_stride: k, packed: packed.baseAddress, bias: nil,
                            activation: SIE_ACTIVATION_GELU_ERF, residual: nil, residual_stride: 0, c: c.baseAddress,
                            c_stride: n)
                        kernels.gemm(&op)
                    }
                }
            }
            for index in 0..<m {
                let line = Array(c[index * n..<(index + 1) * n])
                if let first { #expect(line == first) } else { first = line }
            }
        }
    }
}
