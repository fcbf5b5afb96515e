import MessagePack
import NIOCore
import Wire

/// What a score request wants scored: how many items, and which.
///
/// The body is not kept until the answer, and the names are not either: a sum of their hashes says, at the price of one
/// number, whether a result names the same ones, in whatever order. The hashes are this process's own (`Hasher` is seeded
/// at random), so that no worker can aim at them.
package struct ScoreCandidates: Equatable, Sendable {
    package let count: Int
    /// Nil where an item's name is not what workers make of it for certain: then only the number is compared.
    private let names: UInt64?

    package init(of request: InferenceRequest) {
        count = request.items.count
        names = request.bytes.withUnsafeReadableBytes { bytes in
            var sum: UInt64 = 0
            for (index, item) in request.items.enumerated() {
                guard let name = Self.hash(ofItem: UnsafeRawBufferPointer(rebasing: bytes[item]), at: index) else {
                    return nil
                }
                sum &+= name
            }
            return sum
        }
    }

    /// Why a list of scores is not the answer; nil where it is.
    ///
    /// - Parameter scores: one whole value, an array of maps or (of one candidate) a map.
    package func objection(to scores: [UInt8]) -> String? {
        scores.withUnsafeBytes { bytes in
            var reader = MessagePackReader(bytes)
            let entries = (try? reader.peek()) == .array ? (try? reader.readArrayHeader()) ?? 0 : 1
            guard entries == count else { return "the worker's result scores \(entries) of \(count) items" }
            guard let names else { return nil }
            var sum: UInt64 = 0
            for _ in 0..<entries {
                guard let entry = try? reader.readRawValue(), let name = Self.hash(ofEntry: entry) else {
                    return "the worker's result has a score without an item"
                }
                sum &+= name
            }
            return sum == names ? nil : "the worker's result scores items that were not sent"
        }
    }

    /// The hash of the name that workers give an item: its `id`, else `item-{index}`. Nil where it has an `id` of a kind
    /// that the wire does not speak of.
    private static func hash(ofItem item: UnsafeRawBufferPointer, at index: Int) -> UInt64? {
        switch field("id", of: item) {
        case .text(let id): id.isEmpty ? nil : hash(id)
        case .missing: hash(ofItemAt: index)
        case .other: nil
        }
    }

    private static func hash(ofItemAt index: Int) -> UInt64 {
        // Of 15 bytes at most, for all indexes there can be: such a text is no allocation.
        var name = "item-\(index)"
        return name.withUTF8 { hash(UnsafeRawBufferPointer($0)) }
    }

    private static func hash(ofEntry entry: UnsafeRawBufferPointer) -> UInt64? {
        guard case .text(let name) = field("item_id", of: entry) else { return nil }
        return hash(name)
    }

    private static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(bytes: name)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    private enum Field {
        case text(UnsafeRawBufferPointer)
        case missing
        case other
    }

    /// The last value under a name in a map, as readers of the wire take it; a null is as good as none.
    private static func field(_ wanted: StaticString, of map: UnsafeRawBufferPointer) -> Field {
        var reader = MessagePackReader(map)
        guard (try? reader.peek()) == .map, let count = try? reader.readMapHeader() else { return .other }
        var found = Field.missing
        for _ in 0..<count {
            guard let key = try? reader.readRawValue(), let value = try? reader.readRawValue() else { return .other }
            var keyReader = MessagePackReader(key)
            guard let name = try? keyReader.readStringOrBinaryBytes(),
                name.elementsEqual(UnsafeRawBufferPointer(start: wanted.utf8Start, count: wanted.utf8CodeUnitCount))
            else { continue }
            var valueReader = MessagePackReader(value)
            switch try? valueReader.peek() {
            case .nil?: found = .missing
            case .string?: found = (try? valueReader.readStringBytes()).map { .text($0) } ?? .other
            default: found = .other
            }
        }
        return found
    }
}
