import JSONStream

/// The object in which a store of objects makes its commits. It is replaced as a whole, and only by who read it last.
///
/// It holds the changes since its base: the changes before it are in the files that people see, and the answers to their
/// keyed writes in an object of their own.
package struct ObjectStoreJournal: Sendable, Equatable {
    private static let format = "sie-config journal 1"

    /// How often the store has been claimed.
    package var term: UInt64
    /// How many changes were committed before those that the journal holds.
    package var base: UInt64
    /// The object with the answers known at the base, the oldest first; nil where there were none.
    package var repliesKey: String?
    package var changes: [StoredChange]
    /// Tells equal journals of two writers apart, so that each has a version of its own.
    package var id: String

    package init(term: UInt64, base: UInt64, repliesKey: String?, changes: [StoredChange], id: String) {
        self.term = term
        self.base = base
        self.repliesKey = repliesKey
        self.changes = changes
        self.id = id
    }

    /// The object's bytes.
    package var bytes: [UInt8] {
        JSONWriter.encode([
            "format": .string(Self.format), "id": .string(id), "term": .uint(term), "base": .uint(base),
            "replies": repliesKey.map(JSONValue.string) ?? .null, "changes": .array(changes.map(\.json)),
        ])
    }

    /// Reads an object's bytes; nil where they are no journal, or one of a later format.
    package init?(_ bytes: [UInt8]) {
        guard let json = try? JSONReader.decode(bytes), json["format"]?.stringValue == Self.format,
            let term = json["term"]?.unsigned, let base = json["base"]?.unsigned, let id = json["id"]?.stringValue,
            let changes = json["changes"]?.arrayValue
        else { return nil }
        self.init(
            term: term, base: base, repliesKey: json["replies"]?.stringValue,
            changes: changes.compactMap(StoredChange.init), id: id)
        guard self.changes.count == changes.count else { return nil }
    }

    /// What files and journal mean together: files that somebody edited after a change count, files that a change has
    /// not reached yet do not.
    ///
    /// - Parameters:
    ///   - epoch: of the file.
    ///   - models: the texts of the files by id.
    ///   - replies: the answers known at the base.
    package static func state(
        _ journal: ObjectStoreJournal?, version: StoreVersion, epoch: UInt64, models: [String: String],
        replies: [StoredReply]
    ) -> StoredState {
        var state = StoredState(version: version, epoch: epoch, models: models, replies: replies)
        guard let journal else { return state }
        let missing = journal.firstUnapplied(epoch: epoch)
        for (index, change) in journal.changes.enumerated() {
            if let reply = change.reply { state.replies.remember(reply) }
            if let model = change.model, index >= missing || (models[model.id] ?? "").isEmpty {
                state.models[model.id] = model.text
            }
            if index >= missing { state.epoch = change.epoch }
        }
        return state
    }

    /// The index of the first change that the files may lack: files are replaced after the journal, the epoch's last.
    private func firstUnapplied(epoch: UInt64) -> Int {
        if let applied = changes.lastIndex(where: { $0.epoch == epoch }) { return applied + 1 }
        return changes.firstIndex { $0.epoch > epoch } ?? changes.count
    }
}
