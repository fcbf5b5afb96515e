/// Cuts a stream of bytes into lines, wherever its pieces begin and end.
package struct LineSplitter: Sendable {
    /// A line is longer than anybody should send.
    package struct TooLong: Error, Equatable {
        package var limitBytes: Int

        package init(limitBytes: Int) { self.limitBytes = limitBytes }
    }

    private let limitBytes: Int
    private var bytes: [UInt8] = []
    /// Where the first line that has not been taken begins.
    private var start = 0
    /// How far it is known that there is no line break.
    private var searched = 0

    package init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    package mutating func add(_ piece: [UInt8]) {
        if start == bytes.count {
            bytes = piece
        } else {
            bytes.removeSubrange(..<start)
            bytes += piece
        }
        searched -= start
        start = 0
        searched = max(0, min(searched, bytes.count))
    }

    /// The next whole line that is not empty, without its end; nil where there is none yet.
    package mutating func next() throws(TooLong) -> ArraySlice<UInt8>? {
        while let end = bytes[max(start, searched)...].firstIndex(of: UInt8(ascii: "\n")) {
            var line = bytes[start..<end]
            start = end + 1
            searched = start
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            guard line.count <= limitBytes else { throw TooLong(limitBytes: limitBytes) }
            if !line.isEmpty { return line }
        }
        searched = bytes.count
        guard bytes.count - start <= limitBytes else { throw TooLong(limitBytes: limitBytes) }
        return nil
    }

    /// Whether there is the beginning of a line whose end has not come.
    package var hasRemainder: Bool { start < bytes.count }
}
