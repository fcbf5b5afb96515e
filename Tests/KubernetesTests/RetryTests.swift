import CurlClient
import Kubernetes
import TestSupport
import Testing

@Suite("Limits and repetitions")
struct RetryTests {
    @Test("a burst passes at once, then so many a second, and quiet fills the bucket up to the burst")
    func bucket() {
        var bucket = TokenBucket(perSecond: 20, burst: 30)
        for _ in 0..<30 { #expect(bucket.take(now: .zero) == .zero) }
        #expect(bucket.take(now: .zero) == .milliseconds(50))
        #expect(bucket.take(now: .zero) == .milliseconds(100))
        #expect(bucket.take(now: .seconds(1)) == .zero)
        for _ in 0..<30 { #expect(bucket.take(now: .seconds(1000)) == .zero) }
        #expect(bucket.take(now: .seconds(1000)) > .zero)
        var unlimited = TokenBucket(perSecond: 0, burst: 1)
        for _ in 0..<1000 { #expect(unlimited.take(now: .zero) == .zero) }
    }

    private func delays(_ error: KubernetesError, isRead: Bool) -> [Duration] {
        var generator = SeededGenerator(seed: 3)
        var delays: [Duration] = []
        while let delay = RetryPolicy().delay(
            after: error, isRead: isRead, failures: delays.count + 1, using: &generator)
        {
            delays.append(delay)
        }
        return delays
    }

    private func refusal(_ code: Int, retryAfter: Duration? = nil) -> KubernetesError {
        .status(StatusError(Status(), code: code, retryAfter: retryAfter), operation: "get")
    }

    @Test("reads are repeated five times after what may pass, with growing waits of up to 30 seconds")
    func reads() {
        for error in [
            refusal(500), refusal(502), refusal(503), refusal(504), refusal(429),
            .transport(.connectionLost(""), operation: "get"), .transport(.timedOut(""), operation: "get"),
        ] {
            let delays = delays(error, isRead: true)
            #expect(delays.count == 5)
            for (index, delay) in delays.enumerated() { #expect(delay <= .seconds(min(30, 1 << index))) }
        }
    }

    @Test("what will not pass is not repeated")
    func lasting() {
        for code in [400, 401, 403, 404, 405, 409, 410, 415, 422, 501] {
            #expect(delays(refusal(code), isRead: true) == [])
        }
        #expect(delays(.transport(.cancelled, operation: "get"), isRead: true) == [])
        #expect(delays(.malformed("", operation: "get"), isRead: true) == [])
    }

    @Test("writes are repeated only after 429, with which the server has done nothing")
    func writes() {
        #expect(delays(refusal(429), isRead: false).count == 5)
        #expect(delays(refusal(500), isRead: false) == [])
        #expect(delays(refusal(503), isRead: false) == [])
        #expect(delays(.transport(.connectionLost(""), operation: "create"), isRead: false) == [])
    }

    @Test("the server's wish to be asked later is kept to, up to the cap")
    func retryAfter() {
        #expect(delays(refusal(429, retryAfter: .seconds(7)), isRead: true).allSatisfy { $0 >= .seconds(7) })
        #expect(delays(refusal(503, retryAfter: .seconds(300)), isRead: true).allSatisfy { $0 == .seconds(30) })
    }
}
