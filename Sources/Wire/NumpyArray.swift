import MessagePack

/// Element types of arrays on the wire, by their numpy type strings.
public enum NumpyType: String, Sendable, CaseIterable {
    case float16 = "<f2"
    case float32 = "<f4"
    case float64 = "<f8"
    case int8 = "|i1"
    case int16 = "<i2"
    case int32 = "<i4"
    case int64 = "<i8"
    case uint8 = "|u1"
    case uint32 = "<u4"
    case uint64 = "<u8"
    case bool = "|b1"

    /// Bytes one element takes.
    public var size: Int {
        switch self {
        case .int8, .uint8, .bool: 1
        case .float16, .int16: 2
        case .float32, .int32, .uint32: 4
        case .float64, .int64, .uint64: 8
        }
    }
}

/// An array as msgpack-numpy writes it: a map of the **binary** keys `nd`, `type`, `kind`, `shape`, `data`, in this
/// order; C-order little-endian elements (worker contract 2.12, client contract 2.2).
public struct NumpyArray: Sendable, Equatable {
    public var type: NumpyType
    public var shape: [Int]
    public var data: [UInt8]

    public init(type: NumpyType, shape: [Int], data: [UInt8]) {
        self.type = type
        self.shape = shape
        self.data = data
    }

    /// A vector of float32.
    public init(_ values: UnsafeBufferPointer<Float>) {
        self.init(type: .float32, shape: [values.count], data: [UInt8](UnsafeRawBufferPointer(values)))
    }

    public func write(to writer: inout MessagePackWriter) {
        data.withUnsafeBytes { Self.write(type: type, shape: shape, data: $0, to: &writer) }
    }

    /// Writes an array whose elements are elsewhere, without copying them twice.
    public static func write(
        type: NumpyType, shape: [Int], data: UnsafeRawBufferPointer, to writer: inout MessagePackWriter
    ) {
        writer.writeMapHeader(5)
        writer.writeBinary(key: "nd")
        writer.write(true)
        writer.writeBinary(key: "type")
        writer.write(type.rawValue)
        writer.writeBinary(key: "kind")
        writer.writeBinaryHeader(count: 0)
        writer.writeBinary(key: "shape")
        writer.writeArrayHeader(shape.count)
        for extent in shape { writer.write(extent) }
        writer.writeBinary(key: "data")
        writer.writeBinary(data)
    }
}

extension MessagePackWriter {
    fileprivate mutating func writeBinary(key: StaticString) {
        key.withUTF8Buffer { writeBinary(UnsafeRawBufferPointer($0)) }
    }
}

/// A numpy array inside a message, its elements not copied. Valid only while the message's bytes are.
public struct NumpyView {
    public let type: NumpyType
    public let shape: [Int]
    public let data: UnsafeRawBufferPointer

    /// Arrays have at most this many dimensions; more are taken for an ordinary map.
    static let maximumDimensions = 8

    /// Reads the map at the reader's cursor as an array, if it is one: `nd` true, a known `type`, `data` of a whole
    /// number of elements. Otherwise nil, and the cursor stays before the map.
    public init?(reading reader: inout MessagePackReader) {
        guard let view = Self.parse(&reader) else { return nil }
        self = view
    }

    private init(type: NumpyType, shape: [Int], data: UnsafeRawBufferPointer) {
        self.type = type
        self.shape = shape
        self.data = data
    }

    private static func parse(_ original: inout MessagePackReader) -> NumpyView? {
        var reader = original
        // The map has 5 entries from Python; a few more or less are tolerated, a large map is not worth a look.
        guard let count = try? reader.readMapHeader(), 3...8 ~= count else { return nil }
        var isArray = false
        var type: NumpyType?
        var shape: [Int] = []
        var data: UnsafeRawBufferPointer?
        do throws(MessagePackError) {
            for _ in 0..<count {
                let key = try reader.readStringOrBinaryBytes()
                if key.matches("nd") {
                    isArray = try reader.readBool()
                    if !isArray { return nil }
                } else if key.matches("type") {
                    guard let known = NumpyType(rawValue: try reader.readString()) else { return nil }
                    type = known
                } else if key.matches("shape") {
                    let dimensions = try reader.readArrayHeader()
                    guard dimensions <= maximumDimensions else { return nil }
                    for _ in 0..<dimensions { shape.append(Int(clamping: try reader.readUInt())) }
                } else if key.matches("data") {
                    data = try reader.peek() == .ext ? try reader.readExtension().data : try reader.readBinary()
                } else {
                    try reader.skip()
                }
            }
        } catch {
            return nil
        }
        guard isArray, let type, let data, data.count % type.size == 0 else { return nil }
        original = reader
        return NumpyView(type: type, shape: shape, data: data)
    }

    /// How many elements there are.
    public var count: Int { data.count / type.size }
}
