import Foundation
import TestSupport
import Testing

/// The page that says what is proved, held against the lists it is about and the tests it names.
@Suite("The conformance page")
struct ConformanceTests {
    static let page = "docs/conformance.md"

    /// The numbers that a cell begins with: `1-3`, `4, 5`, or `6, 7 what they mean`.
    static func numbers(_ cell: String) -> [Int] {
        let start = cell.prefix { $0.isNumber || $0 == "-" || $0 == "," || $0 == " " }
        return start.split { $0 == "," || $0 == " " }.flatMap { part -> [Int] in
            let ends = part.split(separator: "-").compactMap { Int($0) }
            guard let first = ends.first, let last = ends.last else { return [] }
            return Array(first...last)
        }
    }

    @Test("numbers and ranges are read from the first column")
    func reading() {
        #expect(Self.numbers("1-4") == [1, 2, 3, 4])
        #expect(Self.numbers("58-62, 65, 66") == [58, 59, 60, 61, 62, 65, 66])
        #expect(Self.numbers("2, 3 corrupt MessagePack") == [2, 3])
        #expect(Self.numbers("12 `ready: false` ignored") == [12])
    }

    @Test(
        "every item of the checklist and every defect is in its table, once, with a suite that proves it",
        arguments: [
            ("Checklist", 96), ("Defects of the original that this gateway does not have", 28),
            ("Tests of the operator that catch real bugs", 19),
        ])
    func complete(heading: String, count: Int) throws {
        let table = try DocumentedTable(page: Self.page, heading: heading)
        #expect(table.rows.flatMap { Self.numbers($0[0]) }.sorted() == Array(1...count))
        for row in table.rows {
            #expect(row.last?.contains("Tests`") == true, "\(row[0]) names no suite")
        }
    }

    @Test("every suite that the page names is there")
    func suites() throws {
        let text = String(
            decoding: try Data(contentsOf: Fixtures.repository.appending(path: Self.page)), as: UTF8.self)
        let tests = Fixtures.repository.appending(path: "Tests")
        let files = try #require(FileManager.default.enumerator(atPath: tests.path)).compactMap { $0 as? String }
        let suites = Set(files.filter { $0.hasSuffix("Tests.swift") }.map { URL(filePath: $0).lastPathComponent })
        let names = text.matches(of: #/`(?:[A-Za-z]+/)*([A-Za-z]+Tests)`/#).map { String($0.1) }
        #expect(names.count > 100)
        // Folders are named as well.
        let folders = Set(try FileManager.default.contentsOfDirectory(atPath: tests.path))
        for name in Set(names) where !folders.contains(name) {
            #expect(suites.contains("\(name).swift"), "\(name)")
        }
    }
}
