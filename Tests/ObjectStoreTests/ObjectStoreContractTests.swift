import CurlClient
import ObjectStore
import Settings
import TestSupport
import Testing

/// What every store promises, against servers that others wrote.
@Suite struct ObjectStoreContractTests {
    private func refusal(
        _ store: any ObjectStore, _ key: String, _ bytes: [UInt8], _ condition: PutCondition
    ) async -> ObjectStoreError.Reason? {
        do throws(ObjectStoreError) {
            try await store.put(key, bytes, contentType: "text/plain", if: condition)
            return nil
        } catch {
            return error.reason
        }
    }

    private func open(_ server: ObjectStorageProcess, _ prefix: String) throws -> any ObjectStore {
        let location = try #require(try ObjectStoreLocation(server.location(prefix)))
        return try location.open(environment: Environment(server.environment), client: try CurlClient())
    }

    @Test("objects are written, read, listed and removed", arguments: ObjectStorageProcess.Kind.allCases)
    func objects(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let store = try open(server, "a prefix/é")
        #expect(store.location == server.location("a prefix/é"))

        let absent = try await store.get("models/none.yaml")
        #expect(absent == nil)
        try await store.delete("models/none.yaml")

        // Keys with everything that a URL, a signature or XML could bend; content with every byte.
        var keys = [
            "models/a b+c&d=e?f#g%20.yaml", "models/é/ü'(1)*!~.yaml", "models/<x>.yaml", "epoch", "empty",
        ]
        // The emulator of Google's keeps keys as paths of a file system, and closes the connection over this one.
        if kind == .s3 { keys.append("a/../b") }
        let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        for key in keys {
            let version = try await store.put(
                key, key == "empty" ? [] : bytes, contentType: "text/plain", if: .always)
            let read = try await store.get(key)
            #expect(read == StoredObject(bytes: key == "empty" ? [] : bytes, version: version), "\(key)")
        }
        let listed = try await store.list("models/")
        #expect(
            listed.map(\.key)
                == keys.filter { $0.hasPrefix("models/") }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        #expect(listed.allSatisfy { $0.sizeBytes == 1000 })
        for object in listed {
            let read = try await store.get(object.key)
            #expect(read?.version == object.version)
        }
        let everything = try await store.list("")
        #expect(everything.count == keys.count)

        try await store.delete("epoch")
        let deleted = try await store.get("epoch")
        #expect(deleted == nil)

        // Nothing leaks between prefixes.
        let neighbour = try open(server, "a prefix")
        let foreign = try await neighbour.get("epoch")
        #expect(foreign == nil)
        let below = try await neighbour.list("é/models/")
        #expect(below.count == 3)
    }

    @Test("a listing of more than one page is whole and in order", arguments: ObjectStorageProcess.Kind.allCases)
    func pages(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let store = try open(server, "p")
        let keys = (0..<1050).map { "models/\($0).yaml" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for chunk in 0..<8 {
                group.addTask {
                    for key in keys[(chunk * keys.count / 8)..<((chunk + 1) * keys.count / 8)] {
                        try await store.put(key, [1], contentType: "text/plain", if: .always)
                    }
                }
            }
            try await group.waitForAll()
        }
        let listed = try await store.list("models/")
        #expect(listed.map(\.key) == keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    @Test("S3 writes under a condition only while it holds")
    func conditions() async throws {
        let server = try await ObjectStorageProcess(.s3)
        let store = try open(server, "c")
        let unseen = ObjectVersion("\"00000000000000000000000000000000\"")
        #expect(await refusal(store, "k", [0], .unchanged(unseen)) == .preconditionFailed)
        let first = try await store.put("k", [1], contentType: "text/plain", if: .absent)
        #expect(await refusal(store, "k", [2], .absent) == .preconditionFailed)
        let second = try await store.put("k", [3], contentType: "text/plain", if: .unchanged(first))
        #expect(second != first)
        #expect(await refusal(store, "k", [4], .unchanged(first)) == .preconditionFailed)
        let read = try await store.get("k")
        #expect(read == StoredObject(bytes: [3], version: second))

        // Of writers that race for one version, one wins.
        let outcomes = await withTaskGroup(of: ObjectStoreError.Reason?.self) { group in
            for writer in 0..<8 {
                group.addTask { await refusal(store, "k", [10 + UInt8(writer)], .unchanged(second)) }
            }
            return await group.reduce(into: [ObjectStoreError.Reason?]()) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == nil } == 1)
        #expect(outcomes.count { $0 == .preconditionFailed } == 7)
    }

    @Test("errors name bucket and key and tell what to do", arguments: ObjectStorageProcess.Kind.allCases)
    func errors(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let location = try #require(
            try ObjectStoreLocation(kind == .s3 ? "s3://no-such-bucket/p" : "gs://no-such-bucket/p"))
        let store = try location.open(environment: Environment(server.environment), client: try CurlClient())
        do {
            try await store.put("k", [1], contentType: "text/plain", if: .always)
            Issue.record("a bucket that does not exist takes objects")
        } catch {
            #expect(error.reason == .misconfigured)
            #expect(error.description.contains("no-such-bucket/p/k"))
        }
    }

    @Test("locations are read, and what is no location is left to others")
    func locations() throws {
        #expect(try ObjectStoreLocation("s3://bucket/a/b/") == .s3(bucket: "bucket", prefix: "a/b"))
        #expect(try ObjectStoreLocation("gs://bucket") == .googleCloud(bucket: "bucket", prefix: ""))
        #expect(try ObjectStoreLocation("/var/lib/store") == nil)
        #expect(try ObjectStoreLocation("S3://bucket") == nil)
        for text in ["s3://", "gs:///prefix", "s3://UPPER/x", "s3://a b/x", "gs://bu?cket"] {
            #expect(throws: ObjectStoreError.self, "\(text)") { try ObjectStoreLocation(text) }
        }
    }
}
