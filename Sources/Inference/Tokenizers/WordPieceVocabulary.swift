/// The pieces of a WordPiece model and its greedy longest-match split of a word.
///
/// Pieces lie in one open-addressing table keyed by a hash that is extended byte by byte, so that all prefixes of a
/// word are hashed in one pass over it.
struct WordPieceVocabulary: Sendable {
    private struct Slot: Sendable {
        var hash: UInt64 = 0
        var offset: Int32 = -1
        var length: Int32 = 0
        var id: Int32 = 0
    }

    private let slots: [Slot]
    private let mask: Int
    /// The bytes of all pieces, continuation pieces without their prefix.
    private let bytes: [UInt8]
    private let longestPiece: Int
    let unknownID: Int32
    let maxWordScalars: Int

    /// Where a piece may stand: at a word's start or after another piece.
    private static let startSeed: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let continuationSeed: UInt64 = 0x9e37_79b9_7f4a_7c15

    init(
        _ pieces: [(piece: String, id: Int32)], continuationPrefix: String, unknownID: Int32, maxWordScalars: Int
    ) {
        var capacity = 1024
        while capacity < pieces.count * 2 { capacity *= 2 }
        var slots = [Slot](repeating: Slot(), count: capacity)
        var bytes: [UInt8] = []
        var longest = 1
        for (piece, id) in pieces {
            // By bytes: a combining vowel after `##` is one Character with the last `#`.
            let prefix = continuationPrefix.utf8
            let continues = piece.utf8.starts(with: prefix) && piece.utf8.count > prefix.count
            let content = Array(continues ? piece.utf8.dropFirst(prefix.count) : piece.utf8[...])
            guard !content.isEmpty else { continue }
            var hash = continues ? Self.continuationSeed : Self.startSeed
            for byte in content { hash = Self.extend(hash, by: byte) }
            var index = Int(truncatingIfNeeded: Self.spread(hash)) & (capacity - 1)
            while slots[index].offset >= 0 { index = (index + 1) & (capacity - 1) }
            slots[index] = Slot(
                hash: hash, offset: Int32(clamping: bytes.count), length: Int32(clamping: content.count), id: id)
            bytes.append(contentsOf: content)
            longest = max(longest, content.count)
        }
        self.slots = slots
        mask = capacity - 1
        self.bytes = bytes
        longestPiece = longest
        self.unknownID = unknownID
        self.maxWordScalars = maxWordScalars
    }

    /// Appends the ids of one word; a word that cannot be split, or is too long, is one unknown token.
    func split(_ word: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) {
        if word.count > maxWordScalars {
            let scalars = word.reduce(0) { $0 + ($1 & 0xc0 == 0x80 ? 0 : 1) }
            if scalars > maxWordScalars { return ids.append(unknownID) }
        }
        let first = ids.count
        var start = 0
        while start < word.count {
            guard let (id, length) = longestMatch(in: word, from: start) else {
                ids.removeLast(ids.count - first)
                return ids.append(unknownID)
            }
            ids.append(id)
            start += length
        }
    }

    private func longestMatch(in word: UnsafeBufferPointer<UInt8>, from start: Int) -> (id: Int32, length: Int)? {
        let limit = min(word.count - start, longestPiece)
        return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: limit) { hashes in
            var hash = start == 0 ? Self.startSeed : Self.continuationSeed
            for index in 0..<limit {
                hash = Self.extend(hash, by: word[start + index])
                hashes[index] = hash
            }
            var length = limit
            while length > 0 {
                // A piece ends where a character ends.
                let isBoundary = start + length == word.count || word[start + length] & 0xc0 != 0x80
                if isBoundary, let id = find(hashes[length - 1], word, start, length) { return (id, length) }
                length -= 1
            }
            return nil
        }
    }

    private func find(_ hash: UInt64, _ word: UnsafeBufferPointer<UInt8>, _ start: Int, _ length: Int) -> Int32? {
        var index = Int(truncatingIfNeeded: Self.spread(hash)) & mask
        while slots[index].offset >= 0 {
            let slot = slots[index]
            // The seed is part of the hash, so equal bytes at a start and after a piece are told apart by it.
            if slot.hash == hash, slot.length == length {
                let offset = Int(slot.offset)
                if bytes[offset..<offset + length].elementsEqual(word[start..<start + length]) { return slot.id }
            }
            index = (index + 1) & mask
        }
        return nil
    }

    private static func extend(_ hash: UInt64, by byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }

    private static func spread(_ hash: UInt64) -> UInt64 {
        (hash ^ (hash >> 29)) &* 0xbf58_476d_1ce4_e5b9 >> 20
    }
}
