/// What became of one file, for the summary.
package struct PushRecord: Sendable, Equatable {
    /// Relative to the repository's root.
    package var file: String
    /// The idempotency key; nil where none was sent.
    package var key: String?
    /// The status of the last answer; nil where nothing was sent.
    package var status: String?
    /// In a few words.
    package var outcome: String
    package var isFailure = false
    /// From the beginning of the file to its end, readiness included.
    package var duration: Duration = .zero

    package init(file: String, key: String? = nil, outcome: String = "") {
        self.file = file
        self.key = key
        self.outcome = outcome
    }

    private var seconds: String {
        let tenths = Int((duration / .milliseconds(100)).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }

    private var cells: [String] { [file, key ?? "-", status ?? "-", outcome, seconds] }

    /// A table of records for GitHub's job summary.
    package static func markdown(_ records: [PushRecord]) -> String {
        var text = "### Model configs\n\n| file | key | status | outcome | seconds |\n|---|---|---|---|---|\n"
        for record in records {
            text += "| \(record.cells.map(escaped).joined(separator: " | ")) |\n"
        }
        return text + "\n"
    }

    /// The lines of a table of records for a terminal.
    package static func plain(_ records: [PushRecord]) -> [String] {
        let rows = [["FILE", "KEY", "STATUS", "OUTCOME", "SECONDS"]] + records.map(\.cells)
        let widths = (0..<5).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        }
    }

    /// Text that is neither markup nor a cell's end.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case "|", "`", "*", "_", "\\", "[", "]", "~":
                result += "\\"
                result.unicodeScalars.append(scalar)
            case "\n", "\r": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
