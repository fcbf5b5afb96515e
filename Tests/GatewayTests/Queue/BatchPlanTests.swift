import Gateway
import TestSupport
import Testing
import Wire

@Suite("How items are shared out among messages")
struct BatchPlanTests {
    static func lengths(_ count: Int, workers: Int, itemBytes: Int = 100) -> [Int] {
        BatchPlan.parts(itemCount: count, workers: workers) { _ in itemBytes }.map(\.count)
    }

    @Test(
        "parts are of about equal length, at most 64 items and at most a worker's share",
        arguments: [
            (1, 1, [1]), (2, 1, [2]), (64, 1, [64]), (65, 1, [33, 32]), (500, 1, [63, 63, 63, 63, 63, 63, 63, 59]),
            (8, 4, [2, 2, 2, 2]), (8, 8, [1, 1, 1, 1, 1, 1, 1, 1]), (9, 4, [3, 3, 3]), (3, 100, [1, 1, 1]), (0, 3, []),
            (5, 0, [5]),
        ])
    func shares(count: Int, workers: Int, expected: [Int]) {
        #expect(Self.lengths(count, workers: workers) == expected)
    }

    @Test("a part ends where its bytes are enough, and one large item stands alone")
    func bytes() {
        #expect(Self.lengths(6, workers: 1, itemBytes: BatchPlan.maximumBytes / 3) == [3, 3])
        #expect(Self.lengths(3, workers: 1, itemBytes: BatchPlan.maximumBytes * 2) == [1, 1, 1])
    }

    @Test("whatever the sizes, every item is in one part, in order", arguments: 0..<20)
    func complete(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let sizes = (0..<Int.random(in: 1...700, using: &random)).map { _ in Int.random(in: 0...50_000, using: &random)
        }
        let workers = Int.random(in: 1...9, using: &random)
        let parts = BatchPlan.parts(itemCount: sizes.count, workers: workers) { sizes[$0] }
        #expect(parts.flatMap { Array($0) } == Array(sizes.indices))
        for part in parts {
            #expect(1...WorkItemBatch.maximumItems ~= part.count)
            #expect(part.count == 1 || sizes[part].reduce(0, +) <= BatchPlan.maximumBytes)
        }
    }
}
