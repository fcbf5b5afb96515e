import Gateway
import NIOCore
import Testing

@Suite("Rate limits")
struct RateLimiterTests {
    static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("a second's worth passes at once, then requests pass as the bucket fills")
    func requests() {
        var limiter = RateLimiter()
        let grant = TokenGrant(name: "a", requestsPerSecond: 10)
        for _ in 0..<10 { #expect((limiter.wait(of: grant, items: 1, at: Self.start)) == nil) }
        #expect(limiter.wait(of: grant, items: 1, at: Self.start) == .milliseconds(100))
        #expect(limiter.wait(of: grant, items: 1, at: Self.start + .milliseconds(50)) == .milliseconds(50))
        #expect((limiter.wait(of: grant, items: 1, at: Self.start + .milliseconds(100))) == nil)
        for _ in 0..<10 { #expect((limiter.wait(of: grant, items: 1, at: Self.start + .seconds(60))) == nil) }
        #expect(
            limiter.wait(of: grant, items: 1, at: Self.start + .seconds(60)) != nil, "no more than a second's worth")
    }

    @Test("a request of more items than the bucket holds passes when it is full, and others pay for it")
    func items() {
        var limiter = RateLimiter()
        let grant = TokenGrant(name: "a", itemsPerSecond: 100)
        #expect((limiter.wait(of: grant, items: 300, at: Self.start)) == nil)
        #expect(limiter.wait(of: grant, items: 1, at: Self.start) == .milliseconds(2010))
        #expect(limiter.wait(of: grant, items: 100, at: Self.start + .seconds(2)) == .seconds(1))
        #expect((limiter.wait(of: grant, items: 100, at: Self.start + .seconds(3))) == nil)
    }

    @Test("a rate below one a second still lets one pass; names are counted apart; no limits are no limits")
    func others() {
        var limiter = RateLimiter()
        let slow = TokenGrant(name: "slow", requestsPerSecond: 0.5)
        #expect((limiter.wait(of: slow, items: 1, at: Self.start)) == nil)
        #expect(limiter.wait(of: slow, items: 1, at: Self.start) == .seconds(2))
        #expect((limiter.wait(of: TokenGrant(name: "b", requestsPerSecond: 0.5), items: 1, at: Self.start)) == nil)
        for _ in 0..<1000 {
            #expect((limiter.wait(of: TokenGrant(name: "free"), items: 1_000_000, at: Self.start)) == nil)
        }
    }
}
