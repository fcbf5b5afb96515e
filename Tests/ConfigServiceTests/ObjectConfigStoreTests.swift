import ConfigService
import CurlClient
import NIOPosix
import ObjectStore
import Settings
import TestSupport
import Testing

/// The store in a bucket: commits that are whole, writers that are fenced.
@Suite struct ObjectConfigStoreTests {
    /// Stores block, so they are used on threads that may.
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await NIOThreadPool.singleton.runIfActive(body)
    }

    private static func change(_ epoch: UInt64, _ id: String, _ text: String) -> StoredChange {
        StoredChange(
            epoch: epoch, model: .init(id: id, text: text),
            reply: StoredReply(key: "key-\(epoch)", bodyDigest: "d", status: 201, body: "{\(epoch)}"))
    }

    private static func load(_ store: ObjectConfigStore) throws -> StoredState {
        try #require(try store.load(unless: nil))
    }

    private static func kind(_ body: () throws(ConfigStoreError) -> Void) -> ConfigStoreError.Kind? {
        do throws(ConfigStoreError) {
            try body()
            return nil
        } catch {
            return error.kind
        }
    }

    @Test(
        "what is committed to a real server is there for the next process, in the documented layout",
        arguments: ObjectStorageProcess.Kind.allCases)
    func roundTrip(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let bucket = try #require(try ObjectStoreLocation(server.location("a/store")))
            .open(environment: Environment(server.environment), client: try CurlClient())
        try await onThread {
            let store = ObjectConfigStore(bucket)
            let fresh = try Self.load(store)
            #expect(fresh.epoch == 0 && fresh.models.isEmpty && fresh.replies.isEmpty)
            var version = try store.claim(ifVersion: fresh.version)
            version = try store.commit([Self.change(1, "a/b", "one")], ifVersion: version)
            version = try store.commit(
                [Self.change(2, "a/b", "two"), Self.change(3, "c", "three")], ifVersion: version)
            #expect(try store.load(unless: version) == nil)

            let other = try Self.load(ObjectConfigStore(bucket))
            #expect(other.version == version)
            #expect(other.epoch == 3)
            #expect(other.models == ["a/b": "two", "c": "three"])
            #expect(other.replies.map(\.key) == ["key-1", "key-2", "key-3"])
            store.close()
            let closed = try Self.load(ObjectConfigStore(bucket))
            #expect(closed.models == other.models && closed.epoch == 3 && closed.replies == other.replies)
        }
        let epoch = try await bucket.get("epoch")
        #expect(epoch?.bytes == Array("3".utf8))
        let model = try await bucket.get("models/a__b.yaml")
        #expect(model?.bytes == Array("two".utf8))
        let keys = try await bucket.list("").map(\.key).filter { !$0.hasPrefix(".") }
        #expect(keys == ["epoch", "models/a__b.yaml", "models/c.yaml"])
    }

    @Test("a writer that was superseded at a real S3 server changes nothing any more")
    func fencing() async throws {
        let server = try await ObjectStorageProcess(.s3)
        let bucket = try #require(try ObjectStoreLocation(server.location("fenced")))
            .open(environment: Environment(server.environment), client: try CurlClient())
        try await onThread {
            let old = ObjectConfigStore(bucket)
            var oldVersion = try old.claim(ifVersion: try Self.load(old).version)
            oldVersion = try old.commit([Self.change(1, "m", "old")], ifVersion: oldVersion)

            let new = ObjectConfigStore(bucket)
            let seen = try Self.load(new).version
            #expect(seen == oldVersion)
            let version = try new.claim(ifVersion: seen)
            #expect(Self.kind { () throws(ConfigStoreError) in _ = try new.claim(ifVersion: seen) } == .stale)
            #expect(
                Self.kind { () throws(ConfigStoreError) in
                    _ = try old.commit([Self.change(2, "m", "stale")], ifVersion: oldVersion)
                } == .stale)
            _ = try new.commit([Self.change(2, "m", "new")], ifVersion: version)
            let state = try Self.load(ObjectConfigStore(bucket))
            #expect(state.models == ["m": "new"] && state.epoch == 2)
        }
    }

    @Test("cut off at any put, a store has each commit wholly or not at all, and all that were acknowledged")
    func crashes() async throws {
        for isMade in [false, true] {
            for puts in 0..<400 {
                let bucket = MemoryBucket()
                let isDone = try await onThread { try Self.crash(bucket, after: puts, isMade: isMade) }
                if isDone { break }
                #expect(puts < 399, "the sequence ends")
            }
        }
    }

    /// Commits pairs of models until the bucket is cut off, then lets another process take over.
    ///
    /// - Returns: whether the sequence reached its end.
    private static func crash(_ bucket: MemoryBucket, after puts: Int, isMade: Bool) throws -> Bool {
        bucket.cut(after: puts, isMade: isMade)
        var acknowledged: UInt64 = 0
        var attempted: UInt64 = 0
        do throws(ConfigStoreError) {
            let store = ObjectConfigStore(bucket)
            guard let state = try store.load(unless: nil) else { return false }
            var version = try store.claim(ifVersion: state.version)
            while attempted < 80 {
                attempted += 2
                version = try store.commit(
                    [
                        change(attempted - 1, "m\(attempted % 6)", "\(attempted - 1)"),
                        change(attempted, "n", "\(attempted)"),
                    ],
                    ifVersion: version)
                acknowledged = attempted
            }
        } catch {}
        let isDone = acknowledged == 80
        bucket.cut(after: nil)

        let next = ObjectConfigStore(bucket)
        let found = try load(next)
        #expect(found.epoch == acknowledged || found.epoch == attempted, "cut after \(puts)")
        #expect(found.models["n"] == (found.epoch == 0 ? nil : "\(found.epoch)"))
        #expect(found.models["m\(found.epoch % 6)"] == (found.epoch == 0 ? nil : "\(found.epoch - 1)"))
        #expect(found.replies.count == Int(found.epoch))
        #expect(found.replies.last?.key == (found.epoch == 0 ? nil : "key-\(found.epoch)"))
        // Taking over completes the files, and changes nothing else.
        _ = try next.claim(ifVersion: found.version)
        let claimed = try load(next)
        #expect(claimed.models == found.models && claimed.epoch == found.epoch && claimed.replies == found.replies)
        let texts = bucket.texts
        if found.epoch > 0 {
            #expect(texts["epoch"] == "\(found.epoch)")
            #expect(texts["models/n.yaml"] == "\(found.epoch)")
        }
        return isDone
    }

    @Test("a writer that stood still after its commit writes no file over its successor's")
    func pausedWriter() async throws {
        let bucket = MemoryBucket()
        try await onThread {
            let old = ObjectConfigStore(bucket)
            let version = try old.claim(ifVersion: try Self.load(old).version)
            let first = try old.commit([Self.change(1, "m", "first")], ifVersion: version)
            // The journal's put is the last that is made for now: the files wait.
            bucket.cut(after: 1)
            let second = try old.commit([Self.change(2, "m", "second")], ifVersion: first)
            bucket.cut(after: nil)

            let new = ObjectConfigStore(bucket)
            let state = try Self.load(new)
            #expect(state.models == ["m": "second"])
            let taken = try new.claim(ifVersion: state.version)
            _ = try new.commit([Self.change(3, "m", "third")], ifVersion: taken)

            #expect(
                Self.kind { () throws(ConfigStoreError) in
                    _ = try old.commit([Self.change(3, "m", "stale")], ifVersion: second)
                } == .stale)
            #expect(bucket.texts["models/m.yaml"] == "third")
            #expect(bucket.texts["epoch"] == "3")
        }
    }

    @Test("files that somebody edited between two runs count; a journal that is damaged stops the store")
    func edits() async throws {
        let bucket = MemoryBucket()
        try await onThread {
            let store = ObjectConfigStore(bucket)
            let version = try store.claim(ifVersion: try Self.load(store).version)
            _ = try store.commit([Self.change(1, "m", "written")], ifVersion: version)
            store.close()
        }
        _ = try await bucket.put("models/m.yaml", Array("edited".utf8), contentType: "text/plain", if: .always)
        _ = try await bucket.put("models/by__hand.yaml", Array("new".utf8), contentType: "text/plain", if: .always)
        _ = try await bucket.put("epoch", Array(" 41\n".utf8), contentType: "text/plain", if: .always)
        let state = try await onThread { try Self.load(ObjectConfigStore(bucket)) }
        #expect(state.models == ["m": "edited", "by/hand": "new"])
        #expect(state.epoch == 41)

        _ = try await bucket.put(".journal", Array("{}".utf8), contentType: "text/plain", if: .always)
        let kind = try await onThread {
            Self.kind { () throws(ConfigStoreError) in _ = try ObjectConfigStore(bucket).load(unless: nil) }
        }
        #expect(kind == .unavailable)
    }
}
