import ConfigService
import Testing

@Suite("Idempotency table")
struct IdempotencyTableTests {
    private typealias Table = IdempotencyTable<String, Int>

    /// Runs a key to its end, as a request that finds it free does.
    private func run(_ table: inout Table, _ key: String, _ digest: String = "1") {
        guard case .run = table.begin(key, digest: digest, waiter: 0) else {
            Issue.record("\(key) is not free")
            return
        }
        #expect(table.finish(key, keeping: "answer of \(key)").isEmpty)
    }

    private func isKept(_ table: inout Table, _ key: String) -> Bool {
        switch table.begin(key, digest: "1", waiter: 0) {
        case .replay(let answer): return answer == "answer of \(key)"
        case .run:
            _ = table.finish(key, keeping: nil)
            return false
        case .mismatch, .wait: return false
        }
    }

    @Test("the same key with the same bytes is replayed, with other bytes refused")
    func replay() {
        var table = Table()
        run(&table, "k")
        #expect(isKept(&table, "k"))
        guard case .mismatch = table.begin("k", digest: "2", waiter: 0) else {
            Issue.record("other bytes were taken for the same request")
            return
        }
    }

    @Test("who comes while a key runs waits for it, unless the bytes differ")
    func waiting() {
        var table = Table()
        guard case .run = table.begin("k", digest: "1", waiter: 0),
            case .wait = table.begin("k", digest: "1", waiter: 7),
            case .mismatch = table.begin("k", digest: "2", waiter: 8),
            case .wait = table.begin("k", digest: "1", waiter: 9)
        else {
            Issue.record("wrong decisions")
            return
        }
        #expect(table.finish("k", keeping: "answer of k") == [7, 9])
        #expect(isKept(&table, "k"))
    }

    @Test("a failed run frees its key, also for another body")
    func failure() {
        var table = Table()
        guard case .run = table.begin("k", digest: "1", waiter: 0),
            case .wait = table.begin("k", digest: "1", waiter: 5)
        else {
            Issue.record("wrong decisions")
            return
        }
        #expect(table.finish("k", keeping: nil) == [5])
        run(&table, "k", "2")
    }

    // The recordings keep the order in which answers were stored; the documents say LRU, and the documents win. Both
    // orders pass what was recorded.
    @Test("the answer not used for longest goes first")
    func eviction() {
        var table = Table(capacity: 3)
        for key in ["a", "b", "c"] { run(&table, key) }
        #expect(isKept(&table, "a"))
        run(&table, "d")
        #expect(!isKept(&table, "b"))
        #expect(isKept(&table, "a") && isKept(&table, "c") && isKept(&table, "d"))
    }

    @Test("an answer that is asked for again and again stays, and the table does not grow")
    func use() {
        var table = Table(capacity: 3)
        run(&table, "kept")
        for number in 0..<1000 {
            run(&table, "other \(number)")
            #expect(isKept(&table, "kept"))
        }
        #expect(isKept(&table, "other 999") && isKept(&table, "other 998") && !isKept(&table, "other 997"))
    }

    @Test("answers of an earlier process are replayed, and do not disturb a request that runs")
    func restoring() {
        var table = Table(capacity: 2)
        guard case .run = table.begin("c", digest: "9", waiter: 0) else {
            Issue.record("c is not free")
            return
        }
        for key in ["a", "b", "c", "d"] { table.restore(key, digest: "1", "answer of \(key)") }
        #expect(!isKept(&table, "a") && isKept(&table, "b") && isKept(&table, "d"))
        #expect(table.finish("c", keeping: nil).isEmpty)
    }
}
