import JSONStream

/// A safetensors file: an 8-byte little-endian header length, a JSON header naming each tensor's type, shape and byte
/// range, then the tensors. Everything the header says is checked against the file before it is believed.
public final class SafetensorsFile: Sendable {
    /// A tensor of the file. Its bytes may be unaligned and live as long as the file object.
    public struct Tensor: Sendable {
        public let name: String
        /// As the file spells it: `F32`, `F16`, `I64`.
        public let dtype: String
        public let shape: [Int]
        let range: Range<Int>
        let file: SafetensorsFile

        public var count: Int { shape.reduce(1, *) }

        var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.mapping.bytes[range]) }
    }

    private struct Entry: Sendable {
        let dtype: String
        let shape: [Int]
        let range: Range<Int>
    }

    let mapping: MappedFile
    private let entries: [String: Entry]

    /// Headers are kilobytes; anything beyond this is not a checkpoint.
    static let maximumHeaderBytes = 100 << 20
    private static let elementSizes = [
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
        "U16": 2, "U32": 4, "U64": 8,
    ]

    public init(path: String) throws(CheckpointError) {
        mapping = try MappedFile(path: path)
        let bytes = mapping.bytes
        guard bytes.count >= 8 else { throw CheckpointError(file: path, "is too short to be a safetensors file") }
        let announced = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard announced <= UInt64(min(bytes.count - 8, Self.maximumHeaderBytes)) else {
            throw CheckpointError(file: path, "announces a header of \(announced) bytes, more than the file can hold")
        }
        let headerEnd = 8 + Int(announced)
        let header: JSONValue
        do throws(JSONError) {
            header = try JSONReader.decode(UnsafeRawBufferPointer(rebasing: bytes[8..<headerEnd]))
        } catch {
            throw CheckpointError(file: path, "header is not JSON: \(error)")
        }
        guard let members = header.objectValue else { throw CheckpointError(file: path, "header is not an object") }
        var entries: [String: Entry] = [:]
        for member in members where member.key != "__metadata__" {
            entries[member.key] = try Self.entry(member, dataStart: headerEnd, fileSize: bytes.count, path: path)
        }
        try Self.requireContiguous(entries, dataStart: headerEnd, fileSize: bytes.count, path: path)
        self.entries = entries
    }

    /// The format allows neither holes nor overlaps: tensors that share bytes could make a small file fill the memory.
    private static func requireContiguous(
        _ entries: [String: Entry], dataStart: Int, fileSize: Int, path: String
    ) throws(CheckpointError) {
        var end = dataStart
        for range in entries.values.map(\.range).sorted(by: {
            ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
        }) {
            guard range.lowerBound == end else {
                throw CheckpointError(file: path, "tensors overlap or leave a hole at byte \(range.lowerBound)")
            }
            end = range.upperBound
        }
        guard end == fileSize else {
            throw CheckpointError(file: path, "has \(fileSize - end) bytes after the last tensor")
        }
    }

    private static func entry(
        _ member: JSONMember, dataStart: Int, fileSize: Int, path: String
    ) throws(CheckpointError) -> Entry {
        func fail(_ reason: String) -> CheckpointError {
            CheckpointError(file: path, "tensor '\(member.key)': \(reason)")
        }
        guard let dtype = member.value["dtype"]?.stringValue, let size = elementSizes[dtype] else {
            throw fail("unknown dtype")
        }
        guard let dimensions = member.value["shape"]?.arrayValue, dimensions.count <= 8 else { throw fail("bad shape") }
        var shape: [Int] = []
        var byteCount = size
        for dimension in dimensions {
            guard let extent = dimension.intValue, extent >= 0 else { throw fail("bad shape") }
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
            guard !overflow else { throw fail("shape is too large") }
            byteCount = product
            shape.append(extent)
        }
        guard let offsets = member.value["data_offsets"]?.arrayValue, offsets.count == 2,
            let begin = offsets[0].intValue, let end = offsets[1].intValue,
            begin >= 0, end >= begin, end <= fileSize - dataStart
        else { throw fail("data lies outside the file") }
        guard end - begin == byteCount else {
            throw fail("has \(end - begin) bytes where its shape needs \(byteCount)")
        }
        return Entry(dtype: dtype, shape: shape, range: dataStart + begin..<dataStart + end)
    }

    public var names: [String] { entries.keys.sorted() }

    public func contains(_ name: String) -> Bool { entries[name] != nil }

    /// The tensor of this name, which must be float32 of exactly this shape.
    public func tensor(_ name: String, shape: [Int]) throws(CheckpointError) -> Tensor {
        func fail(_ reason: String) -> CheckpointError {
            CheckpointError(file: mapping.path, "tensor '\(name)' \(reason)")
        }
        guard let entry = entries[name] else { throw fail("is missing") }
        guard entry.dtype == "F32" else { throw fail("is \(entry.dtype), expected F32") }
        guard entry.shape == shape else { throw fail("has shape \(entry.shape), expected \(shape)") }
        return Tensor(name: name, dtype: entry.dtype, shape: shape, range: entry.range, file: self)
    }
}

extension SafetensorsFile.Tensor {
    /// The float32 elements where they lie aligned in the file; safetensors promises no alignment.
    var alignedFloats: UnsafePointer<Float>? {
        guard let start = bytes.baseAddress, UInt(bitPattern: start) % UInt(MemoryLayout<Float>.alignment) == 0 else {
            return nil
        }
        return start.assumingMemoryBound(to: Float.self)
    }
}
