/// A transformer block that norms after each residual sum (Vaswani et al., 2017), as BERT stacks them:
///
///     h = LN(h + Wo * attention(h)),  h = LN(h + W2 * activation(W1 * h))
struct PostNormBlock<E: Engine>: Sendable {
    /// The sizes that all blocks of a model share.
    struct Shape: Sendable, Equatable {
        var width: Int
        var heads: Int
        /// Width inside the feed-forward network.
        var intermediateWidth: Int
        var activation: Activation
        var normEpsilon: Double

        var headDimension: Int { width / heads }
    }

    /// Activations that the blocks of a model use one after the other.
    struct Scratch {
        let qkv: E.Session.Matrix
        let context: E.Session.Matrix

        init(_ shape: Shape, session: E.Session) throws(OutOfMemory) {
            qkv = try session.makeMatrix(width: 3 * shape.width)
            context = try session.makeMatrix(width: shape.width)
        }
    }

    private let shape: Shape
    private let qkv: E.Linear
    private let attentionOutput: E.Linear
    private let attentionNorm: E.Norm
    private let up: E.Linear
    private let down: E.Linear
    private let outputNorm: E.Norm

    /// - Parameter tensors: the scope of one `encoder.layer` of BERT.
    init(_ tensors: TensorScope, shape: Shape, engine: E) throws {
        self.shape = shape
        let (width, wide) = (shape.width, shape.intermediateWidth)
        let attention = tensors.scope("attention")
        // The softmax scale goes into the query, so that attention needs no extra pass.
        let scale = 1 / Float(shape.headDimension).squareRoot()
        qkv = try engine.makeLinear([
            try attention.linear("self.query", outputs: width, inputs: width, scale: scale),
            try attention.linear("self.key", outputs: width, inputs: width),
            try attention.linear("self.value", outputs: width, inputs: width),
        ])
        attentionOutput = try engine.makeLinear([try attention.linear("output.dense", outputs: width, inputs: width)])
        attentionNorm = try engine.makeNorm(
            attention.scope("output.LayerNorm"), width: width, epsilon: shape.normEpsilon)
        up = try engine.makeLinear([try tensors.linear("intermediate.dense", outputs: wide, inputs: width)])
        down = try engine.makeLinear([try tensors.linear("output.dense", outputs: width, inputs: wide)])
        outputNorm = try engine.makeNorm(tensors.scope("output.LayerNorm"), width: width, epsilon: shape.normEpsilon)
    }

    /// Replaces the hidden states by those after this block.
    func forward(_ session: E.Session, _ hidden: E.Session.Matrix, scratch: Scratch) throws(OutOfMemory) {
        session.linear(qkv, hidden, activation: .none, residual: nil, into: scratch.qkv)
        try session.attention(
            qkv: scratch.qkv, heads: shape.heads, headDimension: shape.headDimension, into: scratch.context)
        session.linear(attentionOutput, scratch.context, activation: .none, residual: hidden, into: hidden)
        session.normalize(hidden, with: attentionNorm)
        try session.feedForward(hidden, up: up, activation: shape.activation, down: down, norm: outputNorm)
    }
}

extension Engine {
    /// The layer norm with the `weight` and `bias` of a scope.
    func makeNorm(_ tensors: TensorScope, width: Int, epsilon: Double) throws -> Norm {
        try makeNorm(
            gain: try tensors.tensor("weight", shape: [width]), bias: try tensors.tensor("bias", shape: [width]),
            epsilon: epsilon)
    }
}
