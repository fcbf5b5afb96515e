import Foundation
import Settings
import Testing

@Suite("Fingerprints of files")
struct FileFingerprintTests {
    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "fingerprint-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    /// Writes a file as it is after a change that keeps its time.
    private func write(_ text: String, to file: URL, secondsSince1970: Double = 1_700_000_000) throws {
        if !FileManager.default.fileExists(atPath: file.path) { try Data().write(to: file) }
        let handle = try FileHandle(forWritingTo: file)
        try handle.truncate(atOffset: 0)
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: secondsSince1970)], ofItemAtPath: file.path)
    }

    @Test("a file that nobody touches stays the same; another length, time or file of the same name is a change")
    func changes() throws {
        try withFolder { folder in
            let file = folder.appending(path: "token")
            #expect(FileFingerprint(of: file.path) == nil)
            try write("one", to: file)
            let first = try #require(FileFingerprint(of: file.path))
            #expect(FileFingerprint(of: file.path) == first)
            try write("longer", to: file)
            #expect(FileFingerprint(of: file.path) != first)
            try write("two", to: file, secondsSince1970: 1_700_000_001)
            #expect(FileFingerprint(of: file.path) != first)
            try write("one", to: file)
            #expect(FileFingerprint(of: file.path) == first)
            let other = folder.appending(path: "other")
            try write("two", to: other)
            #expect(rename(other.path, file.path) == 0)
            #expect(FileFingerprint(of: file.path) != first)
        }
    }

    @Test("what a link leads to counts, and a link to nothing is no file")
    func links() throws {
        try withFolder { folder in
            let link = folder.appending(path: "link")
            func lead(to name: String) throws {
                try? FileManager.default.removeItem(at: link)
                try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: name)
            }
            for name in ["one", "two"] { try write("text", to: folder.appending(path: name)) }
            try lead(to: "one")
            let first = FileFingerprint(of: link.path)
            #expect(first != nil && first == FileFingerprint(of: folder.appending(path: "one").path))
            try lead(to: "two")
            #expect(FileFingerprint(of: link.path) != first)
            try lead(to: "none")
            #expect(FileFingerprint(of: link.path) == nil)
        }
    }
}
