/// A position in YAML text; both numbers count from 1, as editors show them.
public struct YAMLMark: Sendable, Hashable, CustomStringConvertible {
    // Half as wide as an Int: every node of a catalogue has a mark. No text is long enough to need more.
    private var storedLine: Int32
    private var storedColumn: Int32

    /// The line, from 1; 0 where a node was made by code and stands in no text.
    public var line: Int {
        get { Int(storedLine) }
        set { storedLine = Int32(clamping: newValue) }
    }

    /// The column in characters, from 1; 0 where a node was made by code.
    public var column: Int {
        get { Int(storedColumn) }
        set { storedColumn = Int32(clamping: newValue) }
    }

    /// The mark of nodes that come from no text.
    public static let none = YAMLMark(line: 0, column: 0)

    /// Creates a mark from a line and a column that count from 1.
    public init(line: Int, column: Int) {
        storedLine = Int32(clamping: line)
        storedColumn = Int32(clamping: column)
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
