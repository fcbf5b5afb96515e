/// Normalized text being put together, in UTF-8. Marks of letters come in canonical order, whatever order they are
/// appended in (Unicode Standard Annex 15; only marks that the normalizer keeps are here).
struct NormalizedText {
    private(set) var bytes: [UInt8] = []
    /// The marks at the end of `bytes`: their combining classes and lengths.
    private var run: [(combiningClass: UInt8, count: Int)] = []
    /// Length of `bytes` when the last mark was appended: a longer text has begun anew since.
    private var runEnd = -1

    init() { bytes.reserveCapacity(64) }

    var isEmpty: Bool { bytes.isEmpty }

    @inline(__always)
    mutating func append(_ byte: UInt8) { bytes.append(byte) }

    @inline(__always)
    mutating func append(_ characters: ArraySlice<UInt8>) { bytes.append(contentsOf: characters) }

    /// Appends a mark, before those of a higher class.
    mutating func append(_ scalar: Unicode.Scalar, combiningClass: UInt8) {
        let encoded = UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
        guard combiningClass != 0 else { return bytes.append(contentsOf: encoded) }
        if runEnd != bytes.count { run.removeAll(keepingCapacity: true) }
        var place = run.count
        var offset = bytes.count
        while place > 0, run[place - 1].combiningClass > combiningClass {
            place -= 1
            offset -= run[place].count
        }
        bytes.insert(contentsOf: encoded, at: offset)
        run.insert((combiningClass, encoded.count), at: place)
        runEnd = bytes.count
    }

    /// Marks that follow do not move before those that are here.
    @inline(__always)
    mutating func endRun() { runEnd = -1 }

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        runEnd = -1
    }
}
