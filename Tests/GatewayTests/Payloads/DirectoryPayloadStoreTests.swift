import Foundation
import Gateway
import Testing

@Suite("Payloads in a directory")
struct DirectoryPayloadStoreTests {
    static func with(_ body: (DirectoryPayloadStore, URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "payloads-\(UUID().uuidString)/deep")
        defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
        try await body(DirectoryPayloadStore(directory: folder.path), folder)
    }

    @Test("a payload is a file of its key's name until it is removed; removing it twice is fine")
    func lifeOfAPayload() async throws {
        try await Self.with { store, folder in
            let key = PayloadKey.item(3, of: "0190")
            #expect(key == "0190_3.bin" && PayloadKey.score(of: "0190") == "0190_score.bin")
            try await store.put([1, 2, 3], key: key)
            #expect(try Array(Data(contentsOf: folder.appending(path: key))) == [1, 2, 3])
            try await store.put([4], key: key)
            #expect(try Array(Data(contentsOf: folder.appending(path: key))) == [4])
            try await store.delete(key: key)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
            try await store.delete(key: key)
        }
    }

    @Test("keys that lead elsewhere are refused", arguments: ["", "../x", "a/b", "a\\b", "..", "a\u{0}b"])
    func foreignKeys(key: String) async throws {
        try await Self.with { store, folder in
            await #expect(throws: PayloadStoreError.invalidKey(key)) { try await store.put([1], key: key) }
            await #expect(throws: PayloadStoreError.invalidKey(key)) { try await store.delete(key: key) }
            #expect(!FileManager.default.fileExists(atPath: folder.path))
        }
    }

    @Test("a directory that cannot be made is an error that names it")
    func unusable() async throws {
        let store = DirectoryPayloadStore(directory: "/proc/no/such")
        do throws(PayloadStoreError) {
            try await store.put([1], key: "k")
            Issue.record("stored")
        } catch {
            #expect(error.description.hasPrefix("/proc/no/such/k: "))
        }
    }
}
