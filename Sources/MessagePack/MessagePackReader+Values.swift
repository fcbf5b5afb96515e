extension MessagePackReader {
    /// Passes over the next value without building anything.
    public mutating func skip() throws(MessagePackError) {
        // A loop, so that hostile nesting cannot exhaust the stack.
        var pending = PendingCounts()
        var left = 1
        while true {
            if left == 0 {
                guard let outer = pending.popLast() else { return }
                left = outer
                continue
            }
            left -= 1
            let start = offset
            let type = try peek()
            switch type {
            case .nil, .boolean: offset += 1
            case .integer: _ = try readInteger()
            case .float: try advance(base[offset] == 0xca ? 5 : 9)
            case .string, .binary: _ = try readPayload()
            case .ext: _ = try readExtension()
            case .array, .map:
                let count = try readContainerHeader(bytesPerElement: type == .map ? 2 : 1)
                guard pending.count < limits.maximumDepth else { throw MessagePackError(.tooDeep, offset: start) }
                pending.append(left)
                left = type == .map ? count * 2 : count
            }
        }
    }

    /// Decodes the next value whole.
    public mutating func readValue() throws(MessagePackError) -> MessagePackValue {
        try readValue(depth: 0)
    }

    /// Decodes `bytes` as exactly one value.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, limits: MessagePackLimits = .default
    ) throws(MessagePackError) -> MessagePackValue {
        var reader = MessagePackReader(bytes, limits: limits)
        let value = try reader.readValue()
        try reader.expectEnd()
        return value
    }

    /// Decodes `bytes` as exactly one value.
    public static func decode(
        _ bytes: [UInt8], limits: MessagePackLimits = .default
    ) throws(MessagePackError) -> MessagePackValue {
        let result: Result<MessagePackValue, MessagePackError> = bytes.withUnsafeBytes { buffer in
            do throws(MessagePackError) {
                return .success(try decode(buffer, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// The type and payload of an extension value, uncopied.
    public mutating func readExtension() throws(MessagePackError) -> (type: Int8, data: UnsafeRawBufferPointer) {
        let start = offset
        guard try peek() == .ext else {
            throw MessagePackError(
                .typeMismatch(expected: "extension", found: try peek().description), offset: offset)
        }
        let length: Int
        switch base[offset] {
        case 0xd4...0xd8:
            length = 1 << Int(base[offset] - 0xd4)
            offset += 1
        case 0xc7: length = Int(try fixed(UInt8.self, lead: 1))
        case 0xc8: length = Int(try fixed(UInt16.self, lead: 1))
        default: length = Int(try fixed(UInt32.self, lead: 1))
        }
        guard remaining >= length + 1 else {
            offset = start
            throw MessagePackError(.truncated, offset: start)
        }
        let type = Int8(bitPattern: base[offset])
        let data = UnsafeRawBufferPointer(rebasing: base[(offset + 1)..<(offset + 1 + length)])
        offset += 1 + length
        return (type, data)
    }

    private mutating func readValue(depth: Int) throws(MessagePackError) -> MessagePackValue {
        let type = try peek()
        switch type {
        case .nil:
            offset += 1
            return .nil
        case .boolean: return .bool(try readBool())
        case .integer:
            switch try readInteger() {
            case .signed(let value): return .int(value)
            case .unsigned(let value): return Int64(exactly: value).map { .int($0) } ?? .uint(value)
            }
        case .float:
            if base[offset] == 0xca { return .float(Float(bitPattern: try fixed(UInt32.self, lead: 1))) }
            return .double(Double(bitPattern: try fixed(UInt64.self, lead: 1)))
        case .string: return .string(try readString())
        case .binary: return .binary([UInt8](try readBinary()))
        case .ext:
            let (type, data) = try readExtension()
            return .ext(type: type, data: [UInt8](data))
        case .array:
            guard depth < limits.maximumDepth else { throw MessagePackError(.tooDeep, offset: offset) }
            let count = try readArrayHeader()
            var elements: [MessagePackValue] = []
            // An announced count costs the sender one byte an element, us many more: grow with what really arrives.
            elements.reserveCapacity(min(count, 1024))
            for _ in 0..<count { elements.append(try readValue(depth: depth + 1)) }
            return .array(elements)
        case .map:
            guard depth < limits.maximumDepth else { throw MessagePackError(.tooDeep, offset: offset) }
            let count = try readMapHeader()
            var pairs: [MessagePackPair] = []
            pairs.reserveCapacity(min(count, 1024))
            for _ in 0..<count {
                let key = try readValue(depth: depth + 1)
                pairs.append(MessagePackPair(key, try readValue(depth: depth + 1)))
            }
            return .map(pairs)
        }
    }

    private mutating func advance(_ count: Int) throws(MessagePackError) {
        guard remaining >= count else { throw MessagePackError(.truncated, offset: offset) }
        offset += count
    }
}

/// How many values are still to pass at each level of nesting. Values are passed over on the hot path, so the levels that
/// occur take no memory from the heap.
private struct PendingCounts {
    private(set) var count = 0
    private var near = InlineArray<8, Int>(repeating: 0)
    private var far: [Int] = []

    mutating func append(_ left: Int) {
        if count < near.count { near[count] = left } else { far.append(left) }
        count += 1
    }

    mutating func popLast() -> Int? {
        guard count > 0 else { return nil }
        count -= 1
        return count < near.count ? near[count] : far.removeLast()
    }
}
