/// Sequences of token ids laid end to end: `tokens[offsets[i]..<offsets[i + 1]]` is sequence i.
public struct PackedBatch: Sendable, Equatable {
    public private(set) var tokens: [Int32] = []
    public private(set) var types: [Int32] = []
    public private(set) var offsets: [Int] = [0]

    public init() {}

    public var sequenceCount: Int { offsets.count - 1 }
    public var tokenCount: Int { tokens.count }

    /// The rows of sequence `index`.
    public func rows(_ index: Int) -> Range<Int> { offsets[index]..<offsets[index + 1] }

    public mutating func append(_ sequence: TokenSequence) {
        tokens.append(contentsOf: sequence.ids)
        types.append(contentsOf: repeatElement(0, count: sequence.ids.count))
        offsets.append(tokens.count)
    }

    public mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        types.removeAll(keepingCapacity: true)
        offsets.removeLast(offsets.count - 1)
    }
}
