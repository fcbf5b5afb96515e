import CKernels

/// Scratch memory and operations of one thread. Memory grows to the largest batch seen and is then reused.
public final class CPUSession: EngineSession {
    public typealias Owner = CPUEngine

    public struct Matrix {
        let start: UnsafeMutablePointer<Float>
        let width: Int
    }

    private let kernels: UnsafePointer<sie_kernels>
    private var batch = PackedBatch()
    private var positions: [Int32] = []
    private var arena: [AlignedFloats] = []
    private var nextMatrix = 0
    private var scratch: AlignedFloats?

    /// Rows of a feed-forward block computed at a time, so that its intermediate stays in the second-level cache.
    private static let feedForwardRows = 120

    init(kernels: UnsafePointer<sie_kernels>) {
        self.kernels = kernels
    }

    /// Whether sessions of `engine` are like this one.
    func runs(on engine: CPUEngine) -> Bool { kernels == engine.kernels }

    public func begin(_ batch: PackedBatch) {
        self.batch = batch
        nextMatrix = 0
        positions.removeAll(keepingCapacity: true)
        for index in 0..<batch.sequenceCount {
            positions.append(contentsOf: 0..<Int32(batch.rows(index).count))
        }
    }

    public func makeMatrix(width: Int) throws(OutOfMemory) -> Matrix {
        let count = batch.tokenCount * width
        if nextMatrix == arena.count {
            arena.append(try AlignedFloats(count: count))
        } else if arena[nextMatrix].count < count {
            arena[nextMatrix] = try AlignedFloats(count: count)
        }
        defer { nextMatrix += 1 }
        return Matrix(start: arena[nextMatrix].start, width: width)
    }

    public func embed(
        words: CPUEngine.Table, positions table: CPUEngine.Table, types: CPUEngine.Table, norm: CPUEngine.Norm,
        into output: Matrix
    ) {
        kernels.pointee.embed(
            batch.tokenCount, output.width, batch.tokens, positions, batch.types, words.start, table.start, types.start,
            norm.gain.start, norm.bias.start, norm.epsilon, output.start)
    }

    public func linear(
        _ layer: CPUEngine.Linear, _ input: Matrix, activation: Activation, residual: Matrix?, into output: Matrix
    ) {
        product(
            layer, input.start, stride: input.width, rows: batch.tokenCount, activation: activation,
            residual: residual?.start, residualStride: residual?.width ?? 0, into: output.start, stride: output.width)
    }

    private func product(
        _ layer: CPUEngine.Linear, _ input: UnsafePointer<Float>, stride: Int, rows: Int, activation: Activation,
        residual: UnsafePointer<Float>?, residualStride: Int, into output: UnsafeMutablePointer<Float>,
        stride outputStride: Int
    ) {
        var operation = sie_gemm(
            m: rows, n: layer.outputs, k: layer.inputs, a: input, a_stride: stride, packed: layer.packed.start,
            bias: layer.bias.start, activation: activation.code, residual: residual, residual_stride: residualStride,
            c: output, c_stride: outputStride)
        kernels.pointee.gemm(&operation)
    }

    public func attention(qkv: Matrix, heads: Int, headDimension: Int, into output: Matrix) throws(OutOfMemory) {
        let width = heads * headDimension
        for index in 0..<batch.sequenceCount {
            let rows = batch.rows(index)
            let scratch = try reserveScratch(kernels.pointee.attention_scratch(rows.count, headDimension))
            let start = qkv.start + rows.lowerBound * qkv.width
            var operation = sie_attention(
                tokens: rows.count, heads: heads, head_dim: headDimension, q: start, k: start + width,
                v: start + 2 * width, stride: qkv.width, out: output.start + rows.lowerBound * output.width,
                out_stride: output.width, scratch: scratch)
            kernels.pointee.attention(&operation)
        }
    }

    public func normalize(_ matrix: Matrix, with norm: CPUEngine.Norm) {
        normalize(matrix, rows: 0..<batch.tokenCount, with: norm)
    }

    private func normalize(_ matrix: Matrix, rows: Range<Int>, with norm: CPUEngine.Norm) {
        let start = matrix.start + rows.lowerBound * matrix.width
        kernels.pointee.layer_norm(
            rows.count, matrix.width, start, matrix.width, norm.gain.start, norm.bias.start, norm.epsilon, start,
            matrix.width)
    }

    public func feedForward(
        _ matrix: Matrix, up: CPUEngine.Linear, activation: Activation, down: CPUEngine.Linear, norm: CPUEngine.Norm
    ) throws(OutOfMemory) {
        let intermediate = try reserveScratch(Self.feedForwardRows * up.outputs)
        var row = 0
        while row < batch.tokenCount {
            let rows = row..<min(row + Self.feedForwardRows, batch.tokenCount)
            let start = matrix.start + row * matrix.width
            product(
                up, start, stride: matrix.width, rows: rows.count, activation: activation, residual: nil,
                residualStride: 0, into: intermediate, stride: up.outputs)
            product(
                down, intermediate, stride: up.outputs, rows: rows.count, activation: .none, residual: start,
                residualStride: matrix.width, into: start, stride: matrix.width)
            normalize(matrix, rows: rows, with: norm)
            row = rows.upperBound
        }
    }

    public func pool(
        _ matrix: Matrix, sequence: Int, pooling: Pooling, normalize: Bool, into output: UnsafeMutablePointer<Float>
    ) {
        let rows = batch.rows(sequence)
        let start = matrix.start + rows.lowerBound * matrix.width
        switch pooling {
        case .mean: kernels.pointee.mean_rows(rows.count, matrix.width, start, matrix.width, output)
        case .cls: output.update(from: start, count: matrix.width)
        case .last: output.update(from: start + (rows.count - 1) * matrix.width, count: matrix.width)
        }
        if normalize { kernels.pointee.l2_normalize(matrix.width, output) }
    }

    private func reserveScratch(_ count: Int) throws(OutOfMemory) -> UnsafeMutablePointer<Float> {
        if let scratch, scratch.count >= count { return scratch.start }
        let larger = try AlignedFloats(count: count)
        scratch = larger
        return larger.start
    }
}

extension Activation {
    fileprivate var code: sie_activation {
        switch self {
        case .none: SIE_ACTIVATION_NONE
        case .geluErf: SIE_ACTIVATION_GELU_ERF
        }
    }
}
