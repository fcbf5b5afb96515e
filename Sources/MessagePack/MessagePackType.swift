/// The family of a value, told from its first byte.
public enum MessagePackType: String, Sendable, CustomStringConvertible {
    case `nil`
    case boolean
    case integer
    case float
    case string
    case binary
    case array
    case map
    case ext = "extension"

    public var description: String { rawValue }

    init(lead: UInt8, offset: Int) throws(MessagePackError) {
        switch lead {
        case 0x00...0x7f, 0xe0...0xff, 0xcc...0xd3: self = .integer
        case 0x80...0x8f, 0xde, 0xdf: self = .map
        case 0x90...0x9f, 0xdc, 0xdd: self = .array
        case 0xa0...0xbf, 0xd9...0xdb: self = .string
        case 0xc0: self = .nil
        case 0xc2, 0xc3: self = .boolean
        case 0xc4...0xc6: self = .binary
        case 0xc7...0xc9, 0xd4...0xd8: self = .ext
        case 0xca, 0xcb: self = .float
        default: throw MessagePackError(.reservedByte, offset: offset)
        }
    }
}
