import MessagePack

/// The result of encoding one item as the worker puts it into `result_msgpack`: the HTTP shape, which carries more than
/// the 0.3.1 queue shape and is read by every client (worker contract 2.11, 5.3).
public enum EncodeOutput {
    /// Writes `{"dense": {"dims", "dtype", "values"}}`, with `"id"` first where the item had one.
    ///
    /// - Parameters:
    ///   - vector: the dense vector, float32.
    ///   - dtype: the type the values are converted to.
    ///   - scratch: storage reused between calls.
    public static func writeDense(
        _ vector: UnsafeBufferPointer<Float>, dtype: OutputDType, itemID: MessagePackValue?,
        scratch: inout [UInt8], to writer: inout MessagePackWriter
    ) {
        writer.writeMapHeader(itemID == nil ? 1 : 2)
        if let itemID {
            writer.write("id" as StaticString)
            writer.write(itemID)
        }
        writer.write("dense" as StaticString)
        writer.writeMapHeader(3)
        writer.write("dims" as StaticString)
        writer.write(vector.count)
        writer.write("dtype" as StaticString)
        writer.write(dtype.wireName)
        writer.write("values" as StaticString)
        if dtype == .float32 {
            NumpyArray.write(
                type: .float32, shape: [vector.count], data: UnsafeRawBufferPointer(vector), to: &writer)
            return
        }
        scratch.removeAll(keepingCapacity: true)
        dtype.append(vector, to: &scratch)
        let shape = [dtype.elements(forWidth: vector.count)]
        scratch.withUnsafeBytes { NumpyArray.write(type: dtype.numpyType, shape: shape, data: $0, to: &writer) }
    }
}
