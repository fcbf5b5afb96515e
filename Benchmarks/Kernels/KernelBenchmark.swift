import ArgumentParser
import CKernels
import CPeak
import TestSupport

/// `sie-bench kernels`: the arithmetic of the CPU engine against what one core can do.
struct KernelBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels",
        abstract: "The CPU engine's products and attention as a fraction of a core's peak.",
        discussion: """
            The peak is a loop of multiply-adds on registers, measured before every call of a kernel, so that a core that \
            slows down slows both; the table shows medians. The shapes are those of all-MiniLM-L6-v2.
            """)

    @Option(help: "How often each kernel runs.")
    var rounds = 100

    private static let width = 384
    private static let heads = 12

    func run() throws {
        let code = sie_cpu_best()
        guard let kernels = sie_kernels_of(code)?.pointee else { throw ValidationError("there are no kernels here") }
        let lanes: Int32 = code == SIE_CPU_AVX512 ? 16 : code == SIE_CPU_AVX2 ? 8 : 4
        print("machine: \(MachineDescription.current)")
        print("kernels \(String(cString: kernels.name)), float32, one thread, \(rounds) rounds, medians\n")
        var table = Table(header: ["kernel", "GFLOP/s", "best", "peak", "of the peak"])
        let peaks = Peak(lanes: lanes)
        func add(_ name: String, flops: Double, _ body: () -> Void) {
            body()
            var times: [Double] = []
            var peak: [Double] = []
            for _ in 0..<rounds {
                peak.append(peaks.measure())
                times.append(Self.seconds(body))
            }
            let rates = times.map { flops / $0 / 1e9 }
            table.rows.append([
                name, Statistics.median(rates).formatted(digits: 1), (rates.max() ?? 0).formatted(digits: 1),
                Statistics.median(peak).formatted(digits: 1),
                Statistics.median(zip(rates, peak).map { $0 / $1 }).formatted(digits: 2),
            ])
        }
        for shape in Product.shapes {
            let product = Product(shape, kernels)
            defer { product.free() }
            add(shape.name, flops: shape.flops) { product.run(kernels) }
        }
        for tokens in [16, 64, 128, 256, 512] {
            let attention = Attention(
                tokens: tokens, heads: Self.heads, headDimension: Self.width / Self.heads, kernels)
            defer { attention.free() }
            add("attention of \(tokens) tokens", flops: attention.flops) { attention.run(kernels) }
        }
        print(table.text)
        print("\nAttention's exponentials and packing are not counted as operations.")
    }

    private static func seconds(_ body: () -> Void) -> Double {
        let clock = ContinuousClock()
        return clock.measure(body) / .seconds(1)
    }

    private struct Peak {
        let lanes: Int32

        /// GFLOP/s of about a millisecond.
        func measure() -> Double {
            var flops = 0.0
            let time = KernelBenchmark.seconds { flops = peak_multiply_add(lanes, 400_000) }
            return flops / time / 1e9
        }
    }
}

/// One product of a layer, on memory of its own.
private struct Product {
    struct Shape {
        var name: String
        var rows: Int
        var outputs: Int
        var inputs: Int
        var activates = false

        var flops: Double { 2 * Double(rows * outputs * inputs) }
    }

    static let shapes = [
        Shape(name: "query, key and value, 512 tokens", rows: 512, outputs: 1152, inputs: 384),
        Shape(name: "attention's output, 512 tokens", rows: 512, outputs: 384, inputs: 384),
        Shape(name: "up with GELU, 120 tokens", rows: 120, outputs: 1536, inputs: 384, activates: true),
        Shape(name: "down, 120 tokens", rows: 120, outputs: 384, inputs: 1536),
        Shape(name: "query, key and value, 32 tokens", rows: 32, outputs: 1152, inputs: 384),
        Shape(name: "down, 32 tokens", rows: 32, outputs: 384, inputs: 1536),
    ]

    private let shape: Shape
    private let input: UnsafeMutablePointer<Float>
    private let packed: UnsafeMutablePointer<Float>
    private let bias: UnsafeMutablePointer<Float>
    private let output: UnsafeMutablePointer<Float>

    init(_ shape: Shape, _ kernels: sie_kernels) {
        self.shape = shape
        input = .uniform(shape.rows * shape.inputs)
        bias = .uniform(shape.outputs)
        output = .uniform(shape.rows * shape.outputs)
        packed = .uniform(kernels.packed_count(shape.outputs, shape.inputs))
        let weight = UnsafeMutablePointer<Float>.uniform(shape.outputs * shape.inputs)
        kernels.pack(shape.outputs, shape.inputs, weight, shape.inputs, packed)
        weight.deallocate()
    }

    func run(_ kernels: sie_kernels) {
        var operation = sie_gemm(
            m: shape.rows, n: shape.outputs, k: shape.inputs, a: input, a_stride: shape.inputs, packed: packed,
            bias: bias, activation: shape.activates ? SIE_ACTIVATION_GELU_ERF : SIE_ACTIVATION_NONE, residual: nil,
            residual_stride: 0, c: output, c_stride: shape.outputs)
        kernels.gemm(&operation)
    }

    func free() { for memory in [input, packed, bias, output] { memory.deallocate() } }
}

/// Attention within one sequence, on memory of its own.
private struct Attention {
    private let tokens: Int
    private let heads: Int
    private let headDimension: Int
    private let qkv: UnsafeMutablePointer<Float>
    private let output: UnsafeMutablePointer<Float>
    private let scratch: UnsafeMutablePointer<Float>

    /// Of its two products.
    var flops: Double { 4 * Double(tokens * tokens * heads * headDimension) }

    init(tokens: Int, heads: Int, headDimension: Int, _ kernels: sie_kernels) {
        self.tokens = tokens
        self.heads = heads
        self.headDimension = headDimension
        qkv = .uniform(3 * tokens * heads * headDimension)
        output = .uniform(tokens * heads * headDimension)
        scratch = .uniform(kernels.attention_scratch(tokens, headDimension))
    }

    func run(_ kernels: sie_kernels) {
        let width = heads * headDimension
        var operation = sie_attention(
            tokens: tokens, heads: heads, head_dim: headDimension, q: qkv, k: qkv + width, v: qkv + 2 * width,
            stride: 3 * width, out: output, out_stride: width, scratch: scratch)
        kernels.attention(&operation)
    }

    func free() { for memory in [qkv, output, scratch] { memory.deallocate() } }
}

extension UnsafeMutablePointer<Float> {
    /// Numbers between -0.5 and 0.5, on lines of the cache.
    fileprivate static func uniform(_ count: Int) -> Self {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Float>.stride, alignment: 64
        ).bindMemory(to: Float.self, capacity: count)
        var generator = SeededGenerator(seed: 7)
        for index in 0..<count { memory[index] = Float.random(in: -0.5...0.5, using: &generator) }
        return memory
    }
}
