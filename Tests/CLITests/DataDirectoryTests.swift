import CLI
import Foundation
import Testing

@Suite struct DataDirectoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private var entries: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] }

    @Test("a temporary directory is there while the stack runs, for this user only, and gone afterwards")
    func temporary() throws {
        let data = try DataDirectory.temporary(in: folder.path)
        let attributes = try FileManager.default.attributesOfItem(atPath: data.layout.root)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        #expect(FileManager.default.fileExists(atPath: data.layout.models))
        data.close()
        #expect(entries == [])
    }

    @Test("the user's directory stays, and a second stack cannot use it at the same time")
    func kept() throws {
        let path = "\(folder.path)/data"
        let data = try DataDirectory.open(at: path)
        let error = #expect(throws: UpError.self) { try DataDirectory.open(at: path) }
        #expect(error?.problem.contains("in use") == true)
        data.close()
        #expect(FileManager.default.fileExists(atPath: path))
        try DataDirectory.open(at: path).close()
    }

    @Test("a temporary directory that a killed stack left is removed by the next, one in use is not")
    func abandoned() throws {
        let running = try DataDirectory.temporary(in: folder.path)
        try folder.write("", to: "sie-up-abandoned/lock")
        try folder.write("", to: "unrelated/lock")
        let next = try DataDirectory.temporary(in: folder.path)
        #expect(
            Set(entries)
                == Set([running, next].map { URL(filePath: $0.layout.root).lastPathComponent } + ["unrelated"]))
        running.close()
        next.close()
    }

    @Test("a place that cannot be written is an error that says what to do")
    func unwritable() {
        let error = #expect(throws: UpError.self) { try DataDirectory.temporary(in: "\(folder.path)/absent") }
        #expect(error?.remedy.contains("--data-dir") == true)
    }
}
