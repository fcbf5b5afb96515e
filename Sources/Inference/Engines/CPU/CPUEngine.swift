import CKernels

/// The engine of the processor's cores: float32, our own kernels, one thread a session and none of its own. Each
/// output row is computed in an order that depends on that row alone, so results do not depend on batches or threads.
public final class CPUEngine: Engine {
    public let level: CPULevel
    // Points to a constant table of function pointers.
    nonisolated(unsafe) let kernels: UnsafePointer<sie_kernels>

    /// - Parameter level: a level to force, for tests; by default the fastest that runs here.
    public init(level: CPULevel = .best) throws {
        guard level.isSupported, let kernels = sie_kernels_of(level.code) else {
            throw UnsupportedCPULevel(level: level)
        }
        self.level = level
        self.kernels = UnsafePointer(kernels)
    }

    /// A level was asked for that this machine cannot run.
    public struct UnsupportedCPULevel: Error, CustomStringConvertible {
        public let level: CPULevel
        public var description: String { "this processor does not run the kernels of level '\(level.rawValue)'" }
    }

    /// A linear layer, packed into panels as this engine's kernels read it.
    public final class Linear: Sendable {
        let outputs: Int
        let inputs: Int
        let packed: AlignedFloats
        let bias: AlignedFloats

        init(outputs: Int, inputs: Int, packed: AlignedFloats, bias: AlignedFloats) {
            self.outputs = outputs
            self.inputs = inputs
            self.packed = packed
            self.bias = bias
        }
    }

    public final class Norm: Sendable {
        let gain: AlignedFloats
        let bias: AlignedFloats
        let epsilon: Float

        init(gain: AlignedFloats, bias: AlignedFloats, epsilon: Float) {
            self.gain = gain
            self.bias = bias
            self.epsilon = epsilon
        }
    }

    /// Rows left where they are in the mapped file, as gathering reads only those it needs; copied where they lie
    /// unaligned there.
    public final class Table: @unchecked Sendable {
        // What `start` points to is never written and lives as long as `owner`.
        let start: UnsafePointer<Float>
        private let owner: AnyObject

        init(_ tensor: SafetensorsFile.Tensor) throws(OutOfMemory) {
            if let floats = tensor.alignedFloats {
                start = floats
                owner = tensor.file
            } else {
                let copy = try AlignedFloats(copying: tensor)
                start = UnsafePointer(copy.start)
                owner = copy
            }
        }
    }

    public func makeLinear(_ parts: [LinearPart]) throws -> Linear {
        let inputs = parts[0].weight.shape[1]
        let outputs = parts.reduce(0) { $0 + $1.weight.shape[0] }
        // Parts are gathered first: a panel may hold columns of two of them.
        let weights = try AlignedFloats(count: outputs * inputs)
        let bias = try AlignedFloats(count: outputs)
        var row = 0
        for part in parts {
            let rows = part.weight.shape[0]
            let weight = part.weight.bytes
            let target = weights.start + row * inputs
            for index in 0..<rows * inputs {
                target[index] = weight.loadUnaligned(fromByteOffset: index * 4, as: Float.self) * part.scale
            }
            let partBias = part.bias.bytes
            for index in 0..<rows {
                bias.start[row + index] = partBias.loadUnaligned(fromByteOffset: index * 4, as: Float.self) * part.scale
            }
            row += rows
        }
        let packed = try AlignedFloats(count: kernels.pointee.packed_count(outputs, inputs))
        kernels.pointee.pack(outputs, inputs, weights.start, inputs, packed.start)
        return Linear(outputs: outputs, inputs: inputs, packed: packed, bias: bias)
    }

    public func makeNorm(
        gain: SafetensorsFile.Tensor, bias: SafetensorsFile.Tensor, epsilon: Double
    ) throws -> Norm {
        Norm(gain: try AlignedFloats(copying: gain), bias: try AlignedFloats(copying: bias), epsilon: Float(epsilon))
    }

    public func makeTable(_ tensor: SafetensorsFile.Tensor) throws -> Table {
        try Table(tensor)
    }

    public func makeSession() -> CPUSession {
        CPUSession(kernels: kernels)
    }
}
