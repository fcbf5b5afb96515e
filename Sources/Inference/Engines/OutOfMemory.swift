/// The system grants no memory for weights or activations. The work may succeed later, or elsewhere.
public struct OutOfMemory: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bytes that were asked for.
    public let bytes: Int

    public init(bytes: Int) { self.bytes = bytes }

    public var description: String { "out of memory: \(bytes) bytes were not granted" }
}
