import Catalog
import Synchronization

/// A store in a directory.
///
/// A commit is one record in the journal, made durable at once; the files that people see are then replaced, each in one
/// step. They are made durable together, before the journal is begun anew: when it is full, at a claim, and at the end.
/// So a commit waits for the disk once, and after a crash or a loss of power the journal completes the files.
package final class LocalConfigStore: ConfigStore {
    /// What a writer knows between two commits.
    private struct Writer {
        var version: StoreVersion
        var term: UInt64
        var journalIdentity: UInt64
        var journalBytes: Int
        /// Where the next record goes.
        var end: Int
        var changeCount: Int
        var replies: [StoredReply]
        /// Whether files still have to be given what the journal says.
        var needsRepair = false
    }

    private static let smallestJournalBytes = 256 << 10
    private static let usualJournalBytes = 4 << 20

    private let root: String
    private let disk: any StoreDisk
    private let writer = Mutex<Writer?>(nil)

    private var models: String { "\(root)/models" }
    private var epochFile: String { "\(root)/epoch" }
    private var journal: String { "\(root)/.journal" }

    /// A store below `root`, which need not exist yet.
    package init(root: String, disk: any StoreDisk = PosixDisk()) {
        self.root = root
        self.disk = disk
    }

    // MARK: Loading

    package func load(unless known: StoreVersion?) throws(ConfigStoreError) -> StoredState? {
        // The journal comes last: it has everything that was committed while the files were read.
        for _ in 0..<10 {
            let before = try journalContent()
            if let known, version(before) == known { return nil }
            let epoch = try fileEpoch()
            let models = try fileModels()
            let after = try journalContent()
            // Between two terms files were made complete; what was read of them may be of either side.
            guard before?.term == after?.term else { continue }
            return Self.state(version(after), epoch, models, after)
        }
        throw ConfigStoreError(operation: "load \(root)", reason: "the store is claimed again and again")
    }

    /// What files and journal mean together.
    private static func state(
        _ version: StoreVersion, _ epoch: UInt64, _ models: [String: String], _ journal: StoreJournal.Content?
    ) -> StoredState {
        var state = StoredState(version: version, epoch: epoch, models: models, replies: journal?.replies ?? [])
        guard let journal else { return state }
        let missing = unapplied(journal.changes, epoch: epoch)
        for (index, change) in journal.changes.enumerated() {
            if let reply = change.reply { state.replies.remember(reply) }
            if let model = change.model {
                // A file that lost its content with the power is as good as none.
                if index >= missing || (models[model.id] ?? "").isEmpty { state.models[model.id] = model.text }
            }
            if index >= missing { state.epoch = change.epoch }
        }
        return state
    }

    /// The index of the first change that the files may lack: files are replaced after the journal was written, the
    /// epoch's last.
    private static func unapplied(_ changes: [StoredChange], epoch: UInt64) -> Int {
        if let applied = changes.lastIndex(where: { $0.epoch == epoch }) { return applied + 1 }
        return changes.firstIndex { $0.epoch > epoch } ?? changes.count
    }

    private func journalContent() throws(ConfigStoreError) -> StoreJournal.Content? {
        guard let bytes = try disk.read(journal) else { return nil }
        guard let content = StoreJournal.read(bytes) else {
            throw ConfigStoreError(
                operation: "read \(journal)",
                reason: "the journal is damaged; move it away to go on with the files beside it")
        }
        return content
    }

    private func version(_ journal: StoreJournal.Content?) -> StoreVersion {
        journal.map { version($0.term, $0.changes.count) } ?? version(0, 0)
    }

    private func version(_ term: UInt64, _ count: Int) -> StoreVersion { StoreVersion(text: "\(term).\(count)") }

    private func fileModels() throws(ConfigStoreError) -> [String: String] {
        var texts: [String: String] = [:]
        for name in try disk.names(in: models) where name.hasSuffix(".yaml") && !name.hasPrefix(".") {
            let id = ModelIdentifier.id(ofFileStem: String(name.dropLast(".yaml".count)))
            do {
                guard let bytes = try disk.read("\(models)/\(name)") else { continue }
                texts[id] = String(validating: bytes, as: UTF8.self) ?? ""
            } catch {
                // One file that cannot be read, a directory of that name say, is as good as absent.
                continue
            }
        }
        return texts
    }

    private func fileEpoch() throws(ConfigStoreError) -> UInt64 {
        guard let bytes = try disk.read(epochFile), let text = String(validating: bytes, as: UTF8.self) else {
            return 0
        }
        return UInt64(text.filter { !$0.isWhitespace }) ?? 0
    }

    package func editedEpoch() -> UInt64? {
        // A store that cannot be read has the epoch that was read last.
        do { return try fileEpoch() } catch { return nil }
    }

    // MARK: Claiming

    package func claim(ifVersion known: StoreVersion) throws(ConfigStoreError) -> StoreVersion {
        try disk.createDirectory(models)
        return try disk.locked(root) { () throws(ConfigStoreError) in
            let content = try journalContent()
            guard version(content) == known else { throw stale() }
            try removeTemporaries()
            let claimed = try begin(after: content)
            writer.withLock { $0 = claimed }
            return claimed.version
        }
    }

    /// Completes the files of a journal and begins another.
    private func begin(after content: StoreJournal.Content?, room: Int = 0) throws(ConfigStoreError) -> Writer {
        var replies: [StoredReply] = []
        if let content {
            let state = Self.state(version(content), try fileEpoch(), try fileModels(of: content.changes), content)
            let touched = Set(content.changes.compactMap { $0.model?.id })
            for id in touched.sorted() {
                let name = ModelIdentifier.fileName(of: id)
                let text = state.models[id] ?? ""
                let present = try disk.read("\(models)/\(name)")
                if present != Array(text.utf8) { try replace(name, in: models, with: text) }
            }
            if try fileEpoch() != state.epoch { try replace("epoch", in: root, with: String(state.epoch)) }
            if !content.changes.isEmpty { try disk.synchronizeAll(root) }
            replies = state.replies
        }
        let term = (content?.term ?? 0) + 1
        let capacity = room == 0 ? Self.smallestJournalBytes : max(Self.usualJournalBytes, 2 * room)
        let bytes = StoreJournal.empty(term: term, replies: replies, capacity: capacity)
        let temporary = temporary("journal", in: root)
        do throws(ConfigStoreError) {
            try disk.write(bytes, to: temporary)
            try disk.synchronize(temporary)
            try disk.rename(temporary, to: journal)
        } catch {
            try? disk.remove(temporary)
            throw error
        }
        try disk.synchronizeDirectory(root)
        guard let identity = disk.identity(of: journal), let written = StoreJournal.read(bytes) else {
            throw ConfigStoreError(operation: "read \(journal)", reason: "the journal is gone")
        }
        return Writer(
            version: version(written), term: term, journalIdentity: identity, journalBytes: bytes.count,
            end: written.end, changeCount: 0, replies: replies)
    }

    /// The files of the models that changes name.
    private func fileModels(of changes: [StoredChange]) throws(ConfigStoreError) -> [String: String] {
        var texts: [String: String] = [:]
        for id in Set(changes.compactMap { $0.model?.id }) {
            guard let bytes = try disk.read("\(models)/\(ModelIdentifier.fileName(of: id))") else { continue }
            texts[id] = String(validating: bytes, as: UTF8.self) ?? ""
        }
        return texts
    }

    private func replace(_ name: String, in directory: String, with text: String) throws(ConfigStoreError) {
        let temporary = temporary(name, in: directory)
        do throws(ConfigStoreError) {
            try disk.write(Array(text.utf8), to: temporary)
            try disk.rename(temporary, to: "\(directory)/\(name)")
        } catch {
            try? disk.remove(temporary)
            throw error
        }
    }

    private func temporary(_ name: String, in directory: String) -> String {
        "\(directory)/.\(name).\(UInt64.random(in: .min ... .max)).tmp"
    }

    /// Removes what a writer left that died between making a file and giving it its name.
    private func removeTemporaries() throws(ConfigStoreError) {
        for directory in [root, models] {
            for name in try disk.names(in: directory) where name.hasPrefix(".") && name.hasSuffix(".tmp") {
                try disk.remove("\(directory)/\(name)")
            }
        }
    }

    private func stale() -> ConfigStoreError {
        ConfigStoreError(.stale, operation: "write to \(root)", reason: "another process has claimed the store")
    }

    // MARK: Committing

    package func commit(
        _ changes: [StoredChange], ifVersion known: StoreVersion
    ) throws(ConfigStoreError) -> StoreVersion {
        guard var held = writer.withLock({ $0 }), held.version == known else {
            throw ConfigStoreError(
                .unsettled, operation: "write to \(root)", reason: "the store is to be claimed again")
        }
        return try disk.locked(root) { () throws(ConfigStoreError) in
            guard disk.identity(of: journal) == held.journalIdentity else { throw stale() }
            var record = StoreJournal.record(changes, term: held.term, at: held.end)
            if held.needsRepair || held.end + record.count > held.journalBytes {
                held = try beginAnew(room: record.count)
                record = StoreJournal.record(changes, term: held.term, at: held.end)
            }
            // Whatever may fail for want of room, rights or a directory fails here, where nothing has changed.
            let files = try prepare(changes)
            do throws(ConfigStoreError) {
                try disk.overwrite(journal, at: held.end, with: record)
            } catch {
                for file in files { try? disk.remove(file.temporary) }
                try retract(held, error)
            }
            held.end += record.count
            held.changeCount += changes.count
            held.version = version(held.term, held.changeCount)
            for change in changes { if let reply = change.reply { held.replies.remember(reply) } }
            for file in files {
                guard !held.needsRepair else {
                    try? disk.remove(file.temporary)
                    continue
                }
                do throws(ConfigStoreError) {
                    try disk.rename(file.temporary, to: file.target)
                } catch {
                    // The commit stands; this file and those after it are completed before the journal is given up.
                    held.needsRepair = true
                    try? disk.remove(file.temporary)
                }
            }
            let written = held
            writer.withLock { $0 = written }
            return written.version
        }
    }

    /// Begins another journal in the middle of a term of office.
    private func beginAnew(room: Int) throws(ConfigStoreError) -> Writer {
        do throws(ConfigStoreError) {
            let begun = try begin(after: try journalContent(), room: room)
            writer.withLock { $0 = begun }
            return begun
        } catch {
            // Which of the two journals has the name is for the next load to see.
            writer.withLock { $0 = nil }
            throw ConfigStoreError(.unsettled, operation: error.operation, reason: error.reason)
        }
    }

    /// Takes a record back that may have been written in part, so that no later reader takes it for a commit.
    private func retract(_ held: Writer, _ error: ConfigStoreError) throws(ConfigStoreError) -> Never {
        do throws(ConfigStoreError) {
            try disk.overwrite(journal, at: held.end, with: StoreJournal.terminator)
        } catch {
            writer.withLock { $0 = nil }
            throw ConfigStoreError(.unsettled, operation: error.operation, reason: error.reason)
        }
        throw error
    }

    /// Writes the files of changes beside those that they are to replace, the epoch's last.
    private func prepare(
        _ changes: [StoredChange]
    ) throws(ConfigStoreError) -> [(temporary: String, target: String)] {
        var texts: [String: String] = [:]
        for change in changes { if let model = change.model { texts[model.id] = model.text } }
        var files: [(temporary: String, target: String)] = []
        do throws(ConfigStoreError) {
            for (id, text) in texts {
                let name = ModelIdentifier.fileName(of: id)
                files.append((temporary(name, in: models), "\(models)/\(name)"))
                try disk.write(Array(text.utf8), to: files[files.count - 1].temporary)
            }
            if let epoch = changes.last(where: { $0.model != nil })?.epoch {
                files.append((temporary("epoch", in: root), epochFile))
                try disk.write(Array(String(epoch).utf8), to: files[files.count - 1].temporary)
            }
        } catch {
            for file in files { try? disk.remove(file.temporary) }
            throw error
        }
        return files
    }

    // MARK: Ending

    package func close() {
        guard writer.withLock({ $0 }) != nil else { return }
        try? disk.locked(root) { () throws(ConfigStoreError) in
            guard let held = writer.withLock({ $0.take() }), disk.identity(of: journal) == held.journalIdentity,
                held.changeCount > 0
            else { return }
            _ = try begin(after: try journalContent())
        }
    }
}
