import NIOConcurrencyHelpers
import ObjectStore

/// A bucket in memory that keeps its conditions, and loses its client at a chosen put: the put is made or not, and
/// nothing after it is.
final class MemoryBucket: ObjectStore {
    private struct State {
        var objects: [String: StoredObject] = [:]
        var count = 0
        var putsLeft: Int?
        var isLastPutMade = false
    }

    private let state = NIOLockedValueBox(State())

    var location: String { "s3://memory/p" }

    /// - Parameters:
    ///   - puts: how many puts are made before the client is cut off; nil for no end.
    ///   - isMade: whether the one that cuts it off is made nevertheless.
    func cut(after puts: Int?, isMade: Bool = false) {
        state.withLockedValue {
            $0.putsLeft = puts
            $0.isLastPutMade = isMade
        }
    }

    var texts: [String: String] {
        state.withLockedValue { $0.objects.mapValues { String(decoding: $0.bytes, as: UTF8.self) } }
    }

    func get(_ key: String) async throws(ObjectStoreError) -> StoredObject? {
        let isCut = state.withLockedValue { $0.putsLeft.map { $0 < 0 } ?? false }
        if isCut { throw ObjectStoreError(.unavailable, operation: "get \(key)", "cut off") }
        return state.withLockedValue { $0.objects[key] }
    }

    func put(
        _ key: String, _ bytes: [UInt8], contentType: String, if condition: PutCondition
    ) async throws(ObjectStoreError) -> ObjectVersion {
        let result = state.withLockedValue { state -> Result<ObjectVersion, ObjectStoreError> in
            var isCut = false
            if let left = state.putsLeft {
                state.putsLeft = left - 1
                isCut = left <= 0
                if left < 0 || (isCut && !state.isLastPutMade) {
                    let reason: ObjectStoreError.Reason = left < 0 ? .unavailable : .outcomeUnknown
                    return .failure(ObjectStoreError(reason, operation: "put \(key)", "cut off"))
                }
            }
            let current = state.objects[key]?.version
            switch condition {
            case .always: break
            case .absent where current == nil: break
            case .unchanged(let version) where current == version: break
            case .absent, .unchanged:
                return .failure(ObjectStoreError(.preconditionFailed, operation: "put \(key)", "changed"))
            }
            state.count += 1
            let version = ObjectVersion("\(state.count)")
            state.objects[key] = StoredObject(bytes: bytes, version: version)
            guard !isCut else {
                return .failure(ObjectStoreError(.outcomeUnknown, operation: "put \(key)", "cut off"))
            }
            return .success(version)
        }
        return try result.get()
    }

    func delete(_ key: String) async throws(ObjectStoreError) {
        let isCut = state.withLockedValue { $0.putsLeft.map { $0 < 0 } ?? false }
        if !isCut { state.withLockedValue { $0.objects[key] = nil } }
    }

    func list(_ prefix: String) async throws(ObjectStoreError) -> [ObjectSummary] {
        state.withLockedValue { state in
            state.objects.filter { $0.key.utf8.starts(with: prefix.utf8) }
                .map { ObjectSummary(key: $0.key, sizeBytes: $0.value.bytes.count, version: $0.value.version) }
                .sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        }
    }
}
