/// A position in YAML text; both numbers count from 1, as editors show them.
public struct YAMLMark: Sendable, Hashable, CustomStringConvertible {
    /// The line, from 1; 0 where a node was made by code and stands in no text.
    public var line: Int
    /// The column in characters, from 1; 0 where a node was made by code.
    public var column: Int

    /// The mark of nodes that come from no text.
    public static let none = YAMLMark(line: 0, column: 0)

    /// Creates a mark from a line and a column that count from 1.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The place behind a run of UTF-8.
    init(after bytes: some Sequence<UInt8>) {
        self.init(line: 1, column: 1)
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
    }

    public var description: String { "line \(line), column \(column)" }
}
