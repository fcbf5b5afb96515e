import Gateway
import NIOCore
import Testing

@Suite("Requests that wait for capacity")
struct HeldRequestsTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000)

    @Test("a request leaves once: taken, expired or removed")
    func leavesOnce() throws {
        var held = HeldRequests<String>()
        let id = held.hold("a", bytes: 1, until: Self.start + .seconds(5))
        let first = try #require(id)
        _ = held.hold("b", bytes: 1, until: Self.start + .seconds(3))
        _ = held.hold("c", bytes: 1, until: Self.start + .seconds(9))
        #expect(held.nextDeadline == Self.start + .seconds(3))
        #expect(held.expire(at: Self.start + .seconds(2)) == [])
        #expect(held.expire(at: Self.start + .seconds(3)) == ["b"])
        #expect(held.take { $0 == "c" } == ["c"])
        #expect(held.remove(first) == "a")
        #expect(held.remove(first) == nil)
        #expect(held.isEmpty && held.nextDeadline == nil)
    }

    @Test("the longest waiting are taken first")
    func order() {
        var held = HeldRequests<Int>()
        for number in 0..<100 { _ = held.hold(number, bytes: 0, until: Self.start + .seconds(Int64(1000 - number))) }
        #expect(held.take { $0 % 2 == 0 } == Array(stride(from: 0, to: 100, by: 2)))
        #expect(held.removeAll() == Array(stride(from: 1, to: 100, by: 2)))
    }

    @Test("number and bytes are bounded, and what leaves makes room")
    func bounds() {
        var limits = HeldRequests<String>.Limits()
        limits.count = 2
        limits.bytes = 10
        var held = HeldRequests<String>(limits: limits)
        #expect(held.hold("large", bytes: 11, until: Self.start) == nil)
        #expect(held.hold("a", bytes: 6, until: Self.start) != nil)
        #expect(held.hold("b", bytes: 5, until: Self.start) == nil)
        #expect(held.hold("c", bytes: 4, until: Self.start) != nil)
        #expect(held.hold("d", bytes: 0, until: Self.start) == nil)
        #expect(held.expire(at: Self.start) == ["a", "c"])
        #expect(held.hold("e", bytes: 10, until: Self.start) != nil)
    }
}
