import JSONStream
import MessagePack

extension MessagePackWriter {
    /// Appends a JSON value in the value model of the reference: integers stay integers, other numbers are float64,
    /// and of a repeated key the last value counts (gateway contract 2.6).
    public mutating func write(_ json: JSONValue) {
        switch json {
        case .null: writeNil()
        case .bool(let value): write(value)
        case .int(let value): write(Int(value))
        case .uint(let value): write(value)
        case .double(let value): write(value)
        case .string(let value): write(value)
        case .array(let elements):
            writeArrayHeader(elements.count)
            for element in elements { write(element) }
        case .object(let members):
            let unique = members.lastOfEachKey()
            writeMapHeader(unique.count)
            for member in unique {
                write(member.key)
                write(member.value)
            }
        }
    }
}

extension [JSONMember] {
    fileprivate func lastOfEachKey() -> [JSONMember] {
        var index: [String: Int] = [:]
        var unique: [JSONMember] = []
        for member in self {
            if let known = index[member.key] {
                unique[known] = member
            } else {
                index[member.key] = unique.count
                unique.append(member)
            }
        }
        return unique
    }
}

extension JSONWriter {
    /// Writes the next value of `reader` as JSON: numpy arrays become nested lists, other binaries arrays of byte
    /// values, float32 is widened exactly, NaN and infinities become null (gateway contract 2.8).
    public mutating func write(next reader: inout MessagePackReader) throws(MessagePackError) {
        switch try reader.peek() {
        case .nil:
            _ = try reader.readNilIfPresent()
            null()
        case .boolean: write(try reader.readBool())
        case .integer:
            switch try reader.readValue() {
            case .int(let value): write(value)
            case .uint(let value): write(value)
            default: null()
            }
        case .float: write(try reader.readDouble())
        case .string:
            if let text = String(validating: try reader.readStringBytes(), as: UTF8.self) {
                write(text)
            } else {
                null()
            }
        case .binary: write(bytes: try reader.readBinary())
        case .ext: write(bytes: try reader.readExtension().data)
        case .array:
            beginArray()
            for _ in 0..<(try reader.readArrayHeader()) { try write(next: &reader) }
            endArray()
        case .map:
            if let array = NumpyView(reading: &reader) { return write(array) }
            beginObject()
            for _ in 0..<(try reader.readMapHeader()) {
                key(try Self.keyText(from: &reader))
                try write(next: &reader)
            }
            endObject()
        }
    }

    /// Writes an array as nested lists; a shape of fewer than two dimensions, or none, gives a flat list.
    public mutating func write(_ array: NumpyView) {
        guard array.shape.count > 1 else {
            beginArray()
            if array.type == .float32 {
                // What nearly all arrays are: no more than a load stands between one number and the next.
                for index in 0..<array.count {
                    write(Double(Float(bitPattern: array.data.littleEndian(UInt32.self, at: index * 4))))
                }
            } else {
                for index in 0..<array.count { write(array, element: index) }
            }
            return endArray()
        }
        var next = 0
        write(array, dimension: 0, next: &next)
    }

    private mutating func write(_ array: NumpyView, dimension: Int, next: inout Int) {
        beginArray()
        let isInnermost = dimension == array.shape.count - 1
        // An extent beyond the data there is ends the list early: the shape came from outside.
        for _ in 0..<array.shape[dimension] {
            guard next < array.count else { break }
            if isInnermost {
                write(array, element: next)
                next += 1
            } else {
                write(array, dimension: dimension + 1, next: &next)
            }
        }
        endArray()
    }

    private mutating func write(_ array: NumpyView, element index: Int) {
        let offset = index * array.type.size
        let data = array.data
        switch array.type {
        case .float16:
            write(Double(Float16(bitPattern: data.littleEndian(UInt16.self, at: offset))))
        case .float32: write(Double(Float(bitPattern: data.littleEndian(UInt32.self, at: offset))))
        case .float64: write(Double(bitPattern: data.littleEndian(UInt64.self, at: offset)))
        case .int8: write(Int8(bitPattern: data[offset]))
        case .int16: write(data.littleEndian(Int16.self, at: offset))
        case .int32: write(data.littleEndian(Int32.self, at: offset))
        case .int64: write(data.littleEndian(Int64.self, at: offset))
        case .uint8: write(data[offset])
        case .uint32: write(data.littleEndian(UInt32.self, at: offset))
        case .uint64: write(data.littleEndian(UInt64.self, at: offset))
        case .bool: write(data[offset] != 0)
        }
    }

    private mutating func write(bytes: UnsafeRawBufferPointer) {
        beginArray()
        for byte in bytes { write(byte) }
        endArray()
    }

    private static func keyText(from reader: inout MessagePackReader) throws(MessagePackError) -> String {
        switch try reader.peek() {
        case .string, .binary:
            return String(decoding: try reader.readStringOrBinaryBytes(), as: UTF8.self)
        case .nil:
            _ = try reader.readNilIfPresent()
            return "null"
        case .boolean: return try reader.readBool() ? "true" : "false"
        case .float: return JSONNumberStyle.python.text(try reader.readDouble())
        default:
            switch try reader.readValue() {
            case .int(let value): return String(value)
            case .uint(let value): return String(value)
            case let other: return other.typeName
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func littleEndian<T: FixedWidthInteger>(_ type: T.Type, at offset: Int) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}

extension JSONValue {
    /// A MessagePack value as JSON, by the rules of `JSONWriter.write(next:)`.
    public init(messagePack bytes: UnsafeRawBufferPointer) throws(WireError) {
        var writer = JSONWriter()
        do throws(MessagePackError) {
            var reader = MessagePackReader(bytes)
            try writer.write(next: &reader)
            try reader.expectEnd()
        } catch {
            throw .malformed(error)
        }
        do throws(JSONError) {
            self = try JSONReader.decode(writer.bytes, options: JSONReaderOptions(maximumDepth: 128))
        } catch {
            throw .json(error.description)
        }
    }
}
