import Catalog
import FoundationEssentials
import JSONStream
import ObjectStore
import Synchronization

/// A store in a bucket, with the same objects that other releases write.
///
/// A commit replaces one object, the journal, under the condition that nobody else has: that is what makes it atomic and
/// fences a stale writer. The objects that people see follow, each under a condition too; where they cannot be written,
/// the journal completes them before the next commit or at the next claim.
package final class ObjectConfigStore: ConfigStore {
    /// What a writer knows between two commits.
    private struct Writer: Sendable {
        var journal: ObjectStoreJournal
        var version: ObjectVersion
        /// The answers known now.
        var replies: [StoredReply]
        /// The versions of the files, as far as known.
        var files: [String: ObjectVersion]
        /// Files that still have to be given what the journal says.
        var unwritten: [String: String] = [:]
    }

    /// What was read of the store last; objects that have not changed are not read again.
    private struct Cache: Sendable {
        var files: [String: (version: ObjectVersion, text: String)] = [:]
        var replies: (key: String, value: [StoredReply])?
    }

    /// The most changes and bytes of changes that a journal holds, since each commit writes it anew.
    private static let longestJournal = (changes: 64, bytes: 256 << 10)
    private static let readsAtOnce = 32
    private static let journalKey = ".journal"
    private static let epochKey = "epoch"
    private static let noVersion = StoreVersion(text: "none")

    private let objects: any ObjectStore
    private let cache = Mutex(Cache())
    private let writer = Mutex<Writer?>(nil)

    /// A store in the objects below a prefix.
    package init(_ objects: any ObjectStore) {
        self.objects = objects
    }

    // MARK: The seam

    package func load(unless known: StoreVersion?) throws(ConfigStoreError) -> StoredState? {
        try blocking { () async throws(ConfigStoreError) in try await self.loaded(unless: known) }
    }

    package func claim(ifVersion version: StoreVersion) throws(ConfigStoreError) -> StoreVersion {
        try blocking { () async throws(ConfigStoreError) in try await self.claimed(version) }
    }

    package func commit(
        _ changes: [StoredChange], ifVersion version: StoreVersion
    ) throws(ConfigStoreError) -> StoreVersion {
        try blocking { () async throws(ConfigStoreError) in try await self.committed(changes, version) }
    }

    /// Nobody edits objects while a service runs; what was edited counts at its start.
    package func editedEpoch() -> UInt64? { nil }

    package func close() {
        try? blocking { () async throws(ConfigStoreError) in try await self.closed() }
    }

    // MARK: Loading

    private func loaded(unless known: StoreVersion?) async throws(ConfigStoreError) -> StoredState? {
        // The journal comes last: it has everything that was committed while the files were read, unless it was begun
        // anew meanwhile.
        for _ in 0..<10 {
            let before = try await journal()
            if let known, version(before) == known { return nil }
            let files = try await files()
            let after = try await journal()
            guard before?.content.base == after?.content.base, before?.content.term == after?.content.term else {
                continue
            }
            var models: [String: String] = [:]
            for (key, text) in files where key != Self.epochKey { models[Self.id(ofKey: key)] = text }
            return ObjectStoreJournal.state(
                after?.content, version: version(after), epoch: Self.epoch(files[Self.epochKey]), models: models,
                replies: try await replies(after?.content.repliesKey))
        }
        throw ConfigStoreError(operation: "load \(objects.location)", reason: "the store is claimed again and again")
    }

    private func journal() async throws(ConfigStoreError) -> (content: ObjectStoreJournal, version: ObjectVersion)? {
        guard let object = try await read(Self.journalKey) else { return nil }
        guard let content = ObjectStoreJournal(object.bytes) else {
            throw ConfigStoreError(
                operation: "read \(objects.location)/\(Self.journalKey)",
                reason: "the journal is damaged or of a later release; move it away to go on with the objects beside it"
            )
        }
        return (content, object.version)
    }

    private func version(_ journal: (content: ObjectStoreJournal, version: ObjectVersion)?) -> StoreVersion {
        journal.map { StoreVersion(text: $0.version.text) } ?? Self.noVersion
    }

    /// The texts of the models' files and of the epoch's, by key.
    private func files() async throws(ConfigStoreError) -> [String: String] {
        var listed: [ObjectSummary] = []
        do throws(ObjectStoreError) {
            listed = try await objects.list("models/").filter { Self.isModelKey($0.key) }
        } catch {
            throw ConfigStoreError(error)
        }
        let known = cache.withLock { $0.files }
        var files: [String: (version: ObjectVersion, text: String)] = [:]
        for object in listed {
            if let file = known[object.key], file.version == object.version { files[object.key] = file }
        }
        let missing = listed.map(\.key).filter { files[$0] == nil } + [Self.epochKey]
        for (key, object) in try await read(missing) {
            files[key] = (object.version, String(validating: object.bytes, as: UTF8.self) ?? "")
        }
        let found = files
        cache.withLock { $0.files = found }
        return files.mapValues(\.text)
    }

    /// Reads objects, some at a time.
    private func read(_ keys: [String]) async throws(ConfigStoreError) -> [(String, StoredObject)] {
        typealias Outcome = Result<(String, StoredObject)?, ConfigStoreError>
        let result = await withTaskGroup(of: Outcome.self) {
            group -> Result<[(String, StoredObject)], ConfigStoreError> in
            var waiting = keys[...]
            var found: [(String, StoredObject)] = []
            func next() {
                guard let key = waiting.popFirst() else { return }
                group.addTask { () -> Outcome in
                    do throws(ConfigStoreError) {
                        return .success(try await self.read(key).map { (key, $0) })
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for _ in 0..<Self.readsAtOnce { next() }
            while let outcome = await group.next() {
                switch outcome {
                case .success(let object): found += object.map { [$0] } ?? []
                case .failure(let error):
                    group.cancelAll()
                    return .failure(error)
                }
                next()
            }
            return .success(found)
        }
        return try result.get()
    }

    private func read(_ key: String) async throws(ConfigStoreError) -> StoredObject? {
        do throws(ObjectStoreError) {
            return try await objects.get(key)
        } catch {
            throw ConfigStoreError(error)
        }
    }

    private func replies(_ key: String?) async throws(ConfigStoreError) -> [StoredReply] {
        guard let key else { return [] }
        if let known = cache.withLock({ $0.replies }), known.key == key { return known.value }
        guard let object = try await read(key) else { return [] }
        let replies = (try? JSONReader.decode(object.bytes))?.arrayValue?.compactMap(StoredReply.init) ?? []
        cache.withLock { $0.replies = (key, replies) }
        return replies
    }

    private static func isModelKey(_ key: String) -> Bool {
        let name = key.dropFirst("models/".count)
        return key.hasPrefix("models/") && name.hasSuffix(".yaml") && !name.hasPrefix(".") && !name.contains("/")
    }

    private static func key(ofModel id: String) -> String { "models/\(ModelIdentifier.fileName(of: id))" }

    private static func id(ofKey key: String) -> String {
        ModelIdentifier.id(ofFileStem: String(key.dropFirst("models/".count).dropLast(".yaml".count)))
    }

    private static func epoch(_ text: String?) -> UInt64 {
        text.flatMap { UInt64($0.filter { !$0.isWhitespace }) } ?? 0
    }

    // MARK: Claiming

    private func claimed(_ known: StoreVersion) async throws(ConfigStoreError) -> StoreVersion {
        let found = try await journal()
        guard version(found) == known else { throw stale() }
        var files = cache.withLock { $0.files.mapValues(\.version) }
        var replies: [StoredReply] = []
        var repliesKey: String?
        if let journal = found?.content {
            let state = try await complete(journal, &files)
            replies = state.replies
            let isUnchanged = !journal.changes.contains { $0.reply != nil }
            repliesKey = isUnchanged ? journal.repliesKey : try await store(replies)
        }
        let journal = ObjectStoreJournal(
            term: (found?.content.term ?? 0) + 1, base: found.map { $0.content.end } ?? 0, repliesKey: repliesKey,
            changes: [], id: UUID().uuidString)
        let version: ObjectVersion
        do throws(ObjectStoreError) {
            version = try await objects.put(
                Self.journalKey, journal.bytes, contentType: "application/json",
                if: found.map { .unchanged($0.version) } ?? .absent)
        } catch {
            throw ConfigStoreError(error)
        }
        let claimed = Writer(journal: journal, version: version, replies: replies, files: files)
        writer.withLock { $0 = claimed }
        if let old = found?.content.repliesKey, old != repliesKey { await discard(old) }
        return StoreVersion(text: version.text)
    }

    /// Gives the files what a journal says.
    private func complete(
        _ journal: ObjectStoreJournal, _ files: inout [String: ObjectVersion]
    ) async throws(ConfigStoreError) -> StoredState {
        let touched = Set(journal.changes.compactMap { $0.model.map { Self.key(ofModel: $0.id) } })
        var texts: [String: String] = [:]
        for (key, object) in try await read(touched.sorted() + [Self.epochKey]) {
            texts[key] = String(validating: object.bytes, as: UTF8.self) ?? ""
            files[key] = object.version
        }
        var models: [String: String] = [:]
        for key in touched { models[Self.id(ofKey: key)] = texts[key] }
        let state = ObjectStoreJournal.state(
            journal, version: Self.noVersion, epoch: Self.epoch(texts[Self.epochKey]), models: models,
            replies: try await replies(journal.repliesKey))
        var wanted = state.models.map { (Self.key(ofModel: $0), $1) }.filter { texts[$0.0] != $0.1 }
        if Self.epoch(texts[Self.epochKey]) != state.epoch { wanted.append((Self.epochKey, String(state.epoch))) }
        for (key, text) in wanted {
            do throws(ObjectStoreError) {
                files[key] = try await put(key, text, files[key])
            } catch {
                throw ConfigStoreError(error)
            }
        }
        return state
    }

    private func put(
        _ key: String, _ text: String, _ version: ObjectVersion?
    ) async throws(ObjectStoreError) -> ObjectVersion {
        try await objects.put(
            key, Array(text.utf8), contentType: "text/plain", if: version.map { .unchanged($0) } ?? .absent)
    }

    /// Stores answers in an object that nobody else writes.
    private func store(_ replies: [StoredReply]) async throws(ConfigStoreError) -> String? {
        guard !replies.isEmpty else { return nil }
        let key = ".replies-\(UUID().uuidString)"
        do throws(ObjectStoreError) {
            try await objects.put(
                key, JSONWriter.encode(.array(replies.map(\.json))), contentType: "application/json", if: .absent)
        } catch {
            // Whatever became of it, no journal names it.
            throw ConfigStoreError(operation: error.operation, reason: error.message)
        }
        cache.withLock { $0.replies = (key, replies) }
        return key
    }

    /// Removes an object that no journal names any more; one that stays does no harm.
    private func discard(_ key: String) async { try? await objects.delete(key) }

    private func stale() -> ConfigStoreError {
        ConfigStoreError(
            .stale, operation: "write to \(objects.location)", reason: "another process has claimed the store")
    }

    // MARK: Committing

    private func committed(
        _ changes: [StoredChange], _ known: StoreVersion
    ) async throws(ConfigStoreError) -> StoreVersion {
        guard var held = writer.withLock({ $0 }), held.version.text == known.text else { throw stale() }
        try await repair(&held)
        let old = held.journal.repliesKey
        if !held.journal.changes.isEmpty, held.journal.isFull(Self.longestJournal) { try await advance(&held) }
        held.journal.changes += changes
        try await replaceJournal(&held)
        if let old, old != held.journal.repliesKey { await discard(old) }

        for change in changes {
            if let reply = change.reply { held.replies.remember(reply) }
            if let model = change.model { held.unwritten[Self.key(ofModel: model.id)] = model.text }
        }
        if let epoch = changes.last(where: { $0.model != nil })?.epoch { held.unwritten[Self.epochKey] = String(epoch) }
        writer.withLock { [held] in $0 = held }
        // The commit stands, whatever becomes of the files now.
        try? await repair(&held)
        return StoreVersion(text: held.version.text)
    }

    /// Begins the journal's changes anew, after the files have all of them.
    private func advance(_ held: inout Writer) async throws(ConfigStoreError) {
        if held.journal.changes.contains(where: { $0.reply != nil }) {
            held.journal.repliesKey = try await store(held.replies)
        }
        held.journal.base = held.journal.end
        held.journal.changes = []
    }

    private func replaceJournal(_ held: inout Writer) async throws(ConfigStoreError) {
        held.journal.id = UUID().uuidString
        do throws(ObjectStoreError) {
            held.version = try await objects.put(
                Self.journalKey, held.journal.bytes, contentType: "application/json", if: .unchanged(held.version))
            writer.withLock { [held] in $0 = held }
        } catch {
            let error = ConfigStoreError(error)
            if error.kind != .unavailable { writer.withLock { $0 = nil } }
            throw error
        }
    }

    /// Writes the files that lack something, the epoch's last.
    private func repair(_ held: inout Writer) async throws(ConfigStoreError) {
        let keys = held.unwritten.keys.sorted { ($0 == Self.epochKey ? 1 : 0, $0) < ($1 == Self.epochKey ? 1 : 0, $1) }
        for key in keys {
            guard let text = held.unwritten[key] else { continue }
            held.files[key] = try await replace(key, with: text, held)
            held.unwritten[key] = nil
            writer.withLock { [held] in $0 = held }
        }
    }

    /// Replaces a file, also one that somebody edited meanwhile, but not where another writer has come.
    ///
    /// The file's version is read before the journal's: whoever claims the store afterwards and writes the file changes
    /// the version that the put then asks for.
    private func replace(
        _ key: String, with text: String, _ held: Writer
    ) async throws(ConfigStoreError) -> ObjectVersion {
        var version = held.files[key]
        for attempt in 0... {
            do throws(ObjectStoreError) {
                return try await put(key, text, version)
            } catch {
                guard error.reason == .preconditionFailed, attempt < 5 else { throw ConfigStoreError(error) }
            }
            version = try await read(key)?.version
            guard try await journal()?.version == held.version else {
                writer.withLock { $0 = nil }
                throw stale()
            }
        }
        return held.version
    }

    private func closed() async throws(ConfigStoreError) {
        guard var held = writer.withLock({ $0 }), !held.journal.changes.isEmpty else { return }
        try await repair(&held)
        let old = held.journal.repliesKey
        try await advance(&held)
        try await replaceJournal(&held)
        if let old, old != held.journal.repliesKey { await discard(old) }
        writer.withLock { $0 = nil }
    }
}

extension ObjectStoreJournal {
    /// The count of all changes ever committed.
    fileprivate var end: UInt64 { base + UInt64(changes.count) }

    fileprivate func isFull(_ limit: (changes: Int, bytes: Int)) -> Bool {
        changes.count >= limit.changes || bytes.count >= limit.bytes
    }
}

extension ConfigStoreError {
    /// What a failure of the bucket means for the state.
    fileprivate init(_ error: ObjectStoreError) {
        let kind: Kind =
            switch error.reason {
            case .preconditionFailed: .stale
            case .outcomeUnknown: .unsettled
            case .accessDenied, .misconfigured, .unavailable, .unexpectedAnswer, .cancelled: .unavailable
            }
        self.init(kind, operation: error.operation, reason: error.message)
    }
}
