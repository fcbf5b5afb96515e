/// What runs a model's operations: the processor's cores now, other devices later. A family is written once against
/// this. Sequences are packed: the rows of every activation are the tokens of all sequences of a batch, one sequence
/// after the other, with no padding anywhere.
public protocol Engine: Sendable {
    /// A linear layer in the engine's own layout.
    associatedtype Linear: Sendable
    /// Gain and bias of a layer norm.
    associatedtype Norm: Sendable
    /// Rows that are looked up by id.
    associatedtype Table: Sendable
    associatedtype Session: EngineSession where Session.Owner == Self

    /// Loads a linear layer of shape [outputs, inputs]. Several parts are stacked along their outputs, so that, say,
    /// query, key and value become one product; each part's weight and bias are multiplied by its `scale`.
    func makeLinear(_ parts: [LinearPart]) throws -> Linear

    func makeNorm(gain: SafetensorsFile.Tensor, bias: SafetensorsFile.Tensor, epsilon: Double) throws -> Norm

    /// Loads a table of shape [rows, width].
    func makeTable(_ tensor: SafetensorsFile.Tensor) throws -> Table

    /// Scratch memory and whatever else one thread needs to run batches, one at a time.
    func makeSession() -> Session
}

/// One part of a linear layer as the checkpoint has it.
public struct LinearPart {
    public var weight: SafetensorsFile.Tensor
    public var bias: SafetensorsFile.Tensor
    public var scale: Float

    public init(weight: SafetensorsFile.Tensor, bias: SafetensorsFile.Tensor, scale: Float = 1) {
        self.weight = weight
        self.bias = bias
        self.scale = scale
    }
}

public enum Activation: Sendable {
    case none
    /// x/2 * (1 + erf(x / sqrt 2))
    case geluErf
}

/// The operations on one batch. Confined to the thread that uses it.
public protocol EngineSession: AnyObject {
    associatedtype Owner: Engine
    /// A matrix of float32 activations; valid until the next `begin`.
    associatedtype Matrix

    /// Starts a batch: earlier matrices become invalid.
    func begin(_ batch: PackedBatch)

    /// A matrix of one row a token, its content undefined.
    func makeMatrix(width: Int) throws(OutOfMemory) -> Matrix

    /// output = norm(words[id] + positions[position] + types[type]) for each token.
    func embed(
        words: Owner.Table, positions: Owner.Table, types: Owner.Table, norm: Owner.Norm, into output: Matrix)

    /// output = activation(input * layer) + residual
    func linear(
        _ layer: Owner.Linear, _ input: Matrix, activation: Activation, residual: Matrix?, into output: Matrix)

    /// Softmax attention within each sequence. `qkv` holds query, key and value side by side, the query scaled by
    /// 1/sqrt(headDimension) already.
    func attention(qkv: Matrix, heads: Int, headDimension: Int, into output: Matrix) throws(OutOfMemory)

    /// matrix = norm(matrix), row by row.
    func normalize(_ matrix: Matrix, with norm: Owner.Norm)

    /// matrix = norm(matrix + down(activation(up(matrix)))): a transformer's feed-forward block, fused so that its wide
    /// intermediate stays in a cache.
    func feedForward(
        _ matrix: Matrix, up: Owner.Linear, activation: Activation, down: Owner.Linear, norm: Owner.Norm
    ) throws(OutOfMemory)

    /// One vector a sequence: pooled over its rows, scaled to unit length where asked.
    func pool(
        _ matrix: Matrix, sequence: Int, pooling: Pooling, normalize: Bool, into output: UnsafeMutablePointer<Float>)
}
