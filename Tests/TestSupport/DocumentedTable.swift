import FoundationEssentials

/// A table of a page of the documentation, so that a test can hold it against what is.
package struct DocumentedTable: Sendable {
    package struct Missing: Error, CustomStringConvertible {
        package let description: String
    }

    package let header: [String]
    package let rows: [[String]]

    /// Reads the first table below a heading.
    /// - Parameters:
    ///   - page: the page's path in the repository.
    ///   - heading: the heading's text, without its `#`.
    package init(page: String, heading: String) throws {
        let text = String(decoding: try Data(contentsOf: Fixtures.repository.appending(path: page)), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { Self.heading($0) == heading }) else {
            throw Missing(description: "\(page) has no heading '\(heading)'")
        }
        let section = lines[(start + 1)...].prefix { Self.heading($0) == nil }
        let table = section.drop { !$0.utf8.starts(with: "|".utf8) }.prefix { $0.utf8.starts(with: "|".utf8) }
            .map(Self.cells)
        guard table.count > 2 else { throw Missing(description: "no table below '\(heading)' of \(page)") }
        header = table[0]
        rows = Array(table[2...])
    }

    private static func heading(_ line: Substring) -> String? {
        guard line.utf8.starts(with: "#".utf8) else { return nil }
        return String(line.drop { $0 == "#" || $0 == " " })
    }

    private static func cells(_ line: Substring) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
}
