/// The tensors of a checkpoint whose names begin alike, such as `encoder.layer.0.`.
struct TensorScope {
    private let file: SafetensorsFile
    private let prefix: String

    init(_ file: SafetensorsFile, prefix: String = "") {
        self.file = file
        self.prefix = prefix
    }

    /// The tensors below `name` in this scope.
    func scope(_ name: String) -> TensorScope {
        TensorScope(file, prefix: "\(prefix)\(name).")
    }

    func contains(_ name: String) -> Bool { file.contains(prefix + name) }

    /// The tensor of this name, which must be float32 of exactly this shape.
    func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> SafetensorsFile.Tensor {
        try file.tensor(prefix + name, shape: shape)
    }

    /// `weight` and `bias` of the linear layer `name`, both multiplied by `scale`.
    func linear(_ name: String, outputs: Int, inputs: Int, scale: Float = 1) throws(CheckpointError) -> LinearPart {
        let layer = scope(name)
        return LinearPart(
            weight: try layer.tensor("weight", shape: [outputs, inputs]),
            bias: try layer.tensor("bias", shape: [outputs]), scale: scale)
    }
}
