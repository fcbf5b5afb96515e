import Crypto
import JSONStream

/// The file in which a local store makes its commits: room laid out in advance, and records one after the other.
///
/// A record is there when its checksum is right, so that a commit is one write into room that exists already and one
/// flush of it. A journal begins with a header and a record of what it carries on from the journal before it.
package struct StoreJournal: Sendable, Equatable {
    /// What a journal holds.
    package struct Content: Sendable, Equatable {
        /// How often the store has been claimed or its journal begun anew; a version of the store is this and the count
        /// of changes.
        package var term: UInt64
        /// The answers that were known when the journal was begun, the oldest first.
        package var replies: [StoredReply]
        /// What was committed since.
        package var changes: [StoredChange]
        /// Where the next record goes.
        package var end: Int
    }

    /// The room for the header, which no record shares a block with.
    package static let headerBytes = 4096

    private static let title = Array("sie-config journal 1\n".utf8)
    private static let recordMagic: [UInt8] = [0xF5, 0x53, 0x49, 0x45]
    /// Magic, length, checksum.
    private static let recordHeaderBytes = 4 + 4 + 16

    // MARK: Writing

    /// A journal without changes.
    ///
    /// - Parameter capacity: the file's size in bytes; it is made larger where the answers need more.
    package static func empty(term: UInt64, replies: [StoredReply], capacity: Int) -> [UInt8] {
        var bytes = title
        bytes += term.littleEndianBytes
        bytes += checksum(bytes[...])
        bytes += [UInt8](repeating: 0, count: headerBytes - bytes.count)
        bytes += record(.object([JSONMember("replies", .array(replies.map(\.json)))]), term: term, at: headerBytes)
        if bytes.count < capacity { bytes += [UInt8](repeating: 0, count: capacity - bytes.count) }
        return bytes
    }

    /// The record of one commit, which goes to an offset of the journal of a term.
    package static func record(_ changes: [StoredChange], term: UInt64, at offset: Int) -> [UInt8] {
        record(.object([JSONMember("changes", .array(changes.map(\.json)))]), term: term, at: offset)
    }

    /// Bytes that end a journal wherever they stand.
    package static let terminator = [UInt8](repeating: 0, count: recordHeaderBytes)

    private static func record(_ value: JSONValue, term: UInt64, at offset: Int) -> [UInt8] {
        let payload = JSONWriter.encode(value)
        return recordMagic + UInt32(payload.count).littleEndianBytes
            + recordChecksum(payload[...], term: term, at: offset) + payload
    }

    private static func recordChecksum(_ payload: ArraySlice<UInt8>, term: UInt64, at offset: Int) -> [UInt8] {
        checksum((term.littleEndianBytes + UInt64(offset).littleEndianBytes + payload)[...])
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] { Array(SHA256.hash(data: bytes).prefix(16)) }

    // MARK: Reading

    /// Reads a journal up to its last whole record.
    ///
    /// - Returns: nil where the bytes are no journal.
    package static func read(_ bytes: [UInt8]) -> Content? {
        guard bytes.count >= headerBytes, bytes.starts(with: title) else { return nil }
        let termEnd = title.count + 8
        let term = UInt64(littleEndianBytes: bytes[title.count..<termEnd])
        guard bytes[termEnd..<termEnd + 16].elementsEqual(checksum(bytes[..<termEnd])) else { return nil }
        var content = Content(term: term, replies: [], changes: [], end: headerBytes)
        while let payload = payload(in: bytes, at: content.end, term: term) {
            guard let value = try? JSONReader.decode(payload) else { return nil }
            for reply in value["replies"]?.arrayValue ?? [] {
                content.replies += [StoredReply(reply)].compactMap { $0 }
            }
            for change in value["changes"]?.arrayValue ?? [] {
                content.changes += [StoredChange(change)].compactMap { $0 }
            }
            content.end += recordHeaderBytes + payload.count
        }
        // The first record is written with the header; without it the file is damaged.
        return content.end == headerBytes ? nil : content
    }

    private static func payload(in bytes: [UInt8], at offset: Int, term: UInt64) -> ArraySlice<UInt8>? {
        let start = offset + recordHeaderBytes
        guard bytes.count >= start, bytes[offset..<offset + 4].elementsEqual(recordMagic) else { return nil }
        let length = Int(UInt32(littleEndianBytes: bytes[offset + 4..<offset + 8]))
        guard length <= bytes.count - start else { return nil }
        let payload = bytes[start..<start + length]
        let known = bytes[offset + 8..<start]
        return known.elementsEqual(recordChecksum(payload, term: term, at: offset)) ? payload : nil
    }
}

extension FixedWidthInteger {
    fileprivate var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }

    fileprivate init(littleEndianBytes bytes: ArraySlice<UInt8>) {
        self = bytes.reversed().reduce(0) { $0 << 8 | Self($1) }
    }
}
