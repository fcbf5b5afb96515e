import Foundation
import Glibc
import Settings
import TestSupport
import Testing
import Worker

@Suite("Items outside the queue")
struct PayloadDirectoryTests {
    private func withDirectory(_ body: (URL, PayloadDirectory) throws -> Void) throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "payloads-\(UUID().uuidString)")
        let directory = root.appending(path: "store")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: root) }
        try body(directory, try PayloadDirectory(directory.path))
    }

    private func failure(_ store: PayloadDirectory, _ reference: String) -> PayloadFailure? {
        do throws(PayloadFailure) {
            _ = try store.read(reference)
            return nil
        } catch {
            return error
        }
    }

    @Test("a file of the directory is read whole")
    func read() throws {
        try withDirectory { directory, store in
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            try Data(bytes).write(to: directory.appending(path: "request_0.bin"))
            #expect(try store.read("request_0.bin") == bytes)
            try Data().write(to: directory.appending(path: "empty.bin"))
            #expect(try store.read("empty.bin").isEmpty)
        }
    }

    @Test("a file that the gateway has deleted, or that never was one, is missing")
    func missing() throws {
        try withDirectory { directory, store in
            #expect(failure(store, "gone.bin") == .missing)
            try FileManager.default.createDirectory(
                at: directory.appending(path: "folder"), withIntermediateDirectories: true)
            #expect(failure(store, "folder") == .missing)
            #expect(mkfifo(directory.appending(path: "pipe").path, 0o600) == 0)
            #expect(failure(store, "pipe") == .missing)
        }
    }

    @Test(
        "no reference leads out of the directory",
        arguments: ["../secret", "a/../../secret", "/etc/passwd", "", ".", "..", "a//b", "x\u{0}y"])
    func outside(reference: String) throws {
        try withDirectory { directory, store in
            try Data("secret".utf8).write(to: directory.deletingLastPathComponent().appending(path: "secret"))
            #expect(failure(store, reference) == .outside)
        }
    }

    @Test("a link out of the directory is not followed")
    func link() throws {
        try withDirectory { directory, store in
            let secret = directory.deletingLastPathComponent().appending(path: "secret")
            try Data("secret".utf8).write(to: secret)
            try FileManager.default.createSymbolicLink(
                at: directory.appending(path: "link"), withDestinationURL: secret)
            #expect(failure(store, "link") == .outside)
        }
    }

    @Test("a file beyond the limit is refused before it is read")
    func tooLarge() throws {
        try withDirectory { directory, store in
            let file = directory.appending(path: "huge.bin")
            try Data().write(to: file)
            let size = PayloadDirectory.maximumBytes + 1
            #expect(truncate(file.path, size) == 0)
            #expect(failure(store, "huge.bin") == .tooLarge(bytes: size))
        }
    }

    @Test("a store of another kind is told at start", arguments: ["http://host/payloads", "redis://host"])
    func otherStores(location: String) {
        let error = #expect(throws: SettingError.self) { _ = try PayloadDirectory(location) }
        #expect(error?.description.contains("SIE_PAYLOAD_STORE_URL") == true)
    }
}
