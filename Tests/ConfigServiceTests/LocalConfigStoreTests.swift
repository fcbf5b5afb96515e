import ConfigService
import Foundation
import Testing

@Suite("Local store")
struct LocalConfigStoreTests {
    private static func change(_ epoch: UInt64, _ id: String, bytes: Int = 20, key: String? = nil) -> StoredChange {
        StoredChange(
            epoch: epoch,
            model: StoredChange.Model(id: id, text: "sie_id: \(id)\n#" + String(repeating: "\(epoch)", count: bytes)),
            reply: key.map { StoredReply(key: $0, bodyDigest: "d\(epoch)", status: 201, body: "{\"n\":\(epoch)}") })
    }

    /// Commits of one, of several, over an earlier model, of an answer alone, and of more than a journal's room.
    private static let commits: [[StoredChange]] = [
        [change(1, "a/one", key: "k1")],
        [change(2, "b")],
        [change(3, "a/one", key: "k2"), change(4, "c")],
        [StoredChange(epoch: 4, reply: StoredReply(key: "k2", bodyDigest: "d3", status: 201, body: "{\"w\":1}"))],
        [change(5, "large", bytes: 250_000)],
        [change(6, "b", key: "k6")],
        [change(7, "larger", bytes: 300_000)],
    ]

    /// The states after none, one, ... all of the commits.
    private static let states: [StoredState] = commits.reduce(into: [StoredState(version: StoreVersion(text: ""))]) {
        states, changes in
        var state = states[states.count - 1]
        for change in changes { state.apply(change) }
        states.append(state)
    }

    /// Opens a store and commits as far as the disk goes.
    /// - Returns: how many commits were answered as done.
    private static func run(on disk: SimulatedDisk, closes: Bool = true) -> Int {
        let store = LocalConfigStore(root: "/store", disk: disk)
        var done = 0
        do {
            guard let state = try store.load(unless: nil) else { return 0 }
            var version = try store.claim(ifVersion: state.version)
            for changes in commits {
                version = try store.commit(changes, ifVersion: version)
                done += 1
            }
        } catch {
            return done
        }
        if closes { store.close() }
        return done
    }

    private static func loaded(_ disk: SimulatedDisk) throws -> StoredState {
        try #require(try LocalConfigStore(root: "/store", disk: disk).load(unless: nil))
    }

    private static func isSame(_ left: StoredState, _ right: StoredState) -> Bool {
        left.epoch == right.epoch && left.models == right.models && left.replies == right.replies
    }

    @Test(
        "ended in the middle of any operation, the store holds each commit wholly or not at all, and all that were answered",
        arguments: SimulatedDisk.Crash.allCases)
    func crash(_ crash: SimulatedDisk.Crash) throws {
        var isComplete = false
        var last = 1
        while !isComplete {
            let disk = SimulatedDisk(endingAt: last)
            let answered = Self.run(on: disk)
            isComplete = disk.operations < last
            let found = disk.after(crash)
            let state = try Self.loaded(found)
            let possible = answered...min(answered + 1, Self.commits.count)
            #expect(
                possible.contains { Self.isSame(Self.states[$0], state) },
                "operation \(last), \(answered) answered, epoch \(state.epoch)")

            // The next writer keeps what was found, makes the files complete, and goes on.
            let store = LocalConfigStore(root: "/store", disk: found)
            let version = try store.claim(ifVersion: state.version)
            #expect(Self.isSame(try Self.loaded(found.after(.powerLost)), state))
            let next = Self.change(state.epoch + 1, "next")
            _ = try store.commit([next], ifVersion: version)
            var expected = state
            expected.apply(next)
            #expect(Self.isSame(try Self.loaded(found.after(crash)), expected))
            #expect(try found.names(in: "/store/models").allSatisfy { !$0.hasSuffix(".tmp") })
            last += 1
        }
        // An append and a flush for each commit at least, and what the files and their directories take.
        #expect(last > 5 * Self.commits.count, "the simulation is to see every operation")
    }

    @Test("after the end of a writer the files say everything, without the journal")
    func layout() throws {
        let disk = SimulatedDisk()
        #expect(Self.run(on: disk) == Self.commits.count)
        let found = disk.after(.powerLost)
        try found.remove("/store/.journal")
        let state = try Self.loaded(found)
        #expect(state.epoch == 7)
        #expect(state.models == Self.states.last?.models)
        #expect(state.replies.isEmpty)
    }

    @Test("a counter that somebody edited is kept, and what a crash left undone of it is not done over it")
    func edited() throws {
        let disk = SimulatedDisk()
        #expect(Self.run(on: disk, closes: false) == Self.commits.count)
        try disk.write(Array("41\n".utf8), to: "/store/epoch")
        #expect(LocalConfigStore(root: "/store", disk: disk).editedEpoch() == 41)
        #expect(try Self.loaded(disk.after(.killed)).epoch == 41)
    }

    @Test("a claim makes the versions of others stale; their commits change nothing")
    func fencing() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let old = LocalConfigStore(root: folder.path)
        let start = try #require(try old.load(unless: nil))
        let held = try old.claim(ifVersion: start.version)
        let version = try old.commit([Self.change(1, "a")], ifVersion: held)

        let new = LocalConfigStore(root: folder.path)
        let seen = try #require(try new.load(unless: nil))
        #expect(seen.version == version && seen.epoch == 1)
        #expect(try new.load(unless: version) == nil)
        let claimed = try new.claim(ifVersion: seen.version)

        let refused = #expect(throws: ConfigStoreError.self) {
            try old.commit([Self.change(2, "late")], ifVersion: version)
        }
        #expect(refused?.kind == .stale)
        let late = #expect(throws: ConfigStoreError.self) { try old.claim(ifVersion: version) }
        #expect(late?.kind == .stale)
        _ = try new.commit([Self.change(2, "b")], ifVersion: claimed)
        let models = try #require(try new.load(unless: nil)).models
        #expect(Set(models.keys) == ["a", "b"])
        old.close()
        new.close()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: "models").path).sorted() == [
                "a.yaml", "b.yaml",
            ])
        #expect(try String(contentsOf: folder.appending(path: "epoch"), encoding: .utf8) == "2")
    }

    @Test("a journal that is cut, or of which any bit is changed, never shows what was not committed")
    func damage() throws {
        let record = StoreJournal.record([Self.change(1, "a", key: "k")], term: 3, at: 0)
        var journal = StoreJournal.empty(term: 3, replies: [], capacity: 8192)
        let empty = try #require(StoreJournal.read(journal))
        #expect(empty.term == 3 && empty.changes.isEmpty)
        let placed = StoreJournal.record([Self.change(1, "a", key: "k")], term: 3, at: empty.end)
        #expect(placed.count == record.count && placed != record)
        journal.replaceSubrange(empty.end..<empty.end + placed.count, with: placed)
        #expect(StoreJournal.read(journal)?.changes == [Self.change(1, "a", key: "k")])
        for length in 0..<journal.count {
            let content = StoreJournal.read(Array(journal.prefix(length)))
            #expect(content == nil || content?.changes == [] || length >= empty.end + placed.count)
        }
        for position in empty.end..<empty.end + placed.count {
            var damaged = journal
            damaged[position] ^= 0x10
            #expect(StoreJournal.read(damaged)?.changes == [])
        }
        // A record that belongs to another term, or to another place, is none.
        var moved = StoreJournal.empty(term: 4, replies: [], capacity: 8192)
        moved.replaceSubrange(empty.end..<empty.end + placed.count, with: placed)
        #expect(StoreJournal.read(moved)?.changes == [])
    }
}
