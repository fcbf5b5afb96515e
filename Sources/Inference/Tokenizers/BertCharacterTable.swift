import Synchronization

/// What the normalizer and the split into words make of each character, worked out once a block of 256 characters when
/// a text first has one of them. Shared by all threads.
final class BertCharacterTable: @unchecked Sendable {
    // The pointer is written by init alone; what it points to are atomics.
    private let blocks: UnsafeMutablePointer<AtomicLazyReference<Block>>
    private let normalizer: BertNormalizer
    private static let blockCount = 0x110000 >> 8

    enum Kind: UInt8 {
        /// Part of a word, `bytes` long or longer than the character was.
        case word
        case space
        /// A word of its own.
        case punctuation
        /// A word of its own, set off by spaces in the normalized text already.
        case ideograph
        case dropped
        /// Dropped, but marks do not move across it.
        case boundary
        /// Anything else: ask the normalizer.
        case rare
    }

    final class Block: Sendable {
        fileprivate let entries: [Entry]
        fileprivate let bytes: [UInt8]

        fileprivate init(entries: [Entry], bytes: [UInt8]) {
            self.entries = entries
            self.bytes = bytes
        }

        /// The kind of the character with these low eight bits, and the bytes it becomes.
        @inline(__always)
        func entry(_ low: Int) -> (kind: Kind, bytes: ArraySlice<UInt8>) {
            let entry = entries[low]
            return (entry.kind, bytes[Int(entry.offset)..<Int(entry.offset) + Int(entry.count)])
        }
    }

    fileprivate struct Entry: Sendable {
        var kind: Kind
        var count: UInt8
        var offset: UInt16
    }

    init(_ normalizer: BertNormalizer) {
        self.normalizer = normalizer
        blocks = .allocate(capacity: Self.blockCount)
        for index in 0..<Self.blockCount { (blocks + index).initialize(to: AtomicLazyReference()) }
    }

    deinit {
        blocks.deinitialize(count: Self.blockCount)
        blocks.deallocate()
    }

    /// The block of all characters with the high bits `index`.
    func block(_ index: Int) -> Block {
        if let block = blocks[index].load() { return block }
        return blocks[index].storeIfNil(makeBlock(index))
    }

    private func makeBlock(_ index: Int) -> Block {
        var bytes: [UInt8] = []
        var entries: [Entry] = []
        for low in UInt32(0)..<256 {
            let offset = bytes.count
            var kind = Kind.dropped
            if let scalar = Unicode.Scalar(UInt32(index) << 8 | low) {
                let parts = normalizer.parts(of: scalar)
                kind = Self.kind(of: parts)
                if kind != .rare {
                    for part in parts {
                        switch part {
                        case .text(let scalar, _), .space(let scalar), .ideograph(let scalar):
                            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                        case .boundary: break
                        }
                    }
                }
            }
            entries.append(Entry(kind: kind, count: UInt8(bytes.count - offset), offset: UInt16(offset)))
        }
        return Block(entries: entries, bytes: bytes)
    }

    private static func kind(of parts: [BertNormalizer.Part]) -> Kind {
        if parts.isEmpty { return .dropped }
        if parts == [.boundary] { return .boundary }
        // A boundary beside a character that starts anew says nothing more.
        let visible = parts.filter { $0 != .boundary }
        if visible.count == 1 {
            switch visible[0] {
            case .space: return .space
            case .ideograph: return .ideograph
            case .text(let scalar, combiningClass: 0):
                return ReferenceUnicode.isPunctuation(scalar) ? .punctuation : .word
            default: return .rare
            }
        }
        let isWord = visible.allSatisfy { part in
            if case .text(let scalar, combiningClass: 0) = part {
                !ReferenceUnicode.isPunctuation(scalar)
            } else {
                false
            }
        }
        return isWord && !visible.isEmpty ? .word : .rare
    }
}
