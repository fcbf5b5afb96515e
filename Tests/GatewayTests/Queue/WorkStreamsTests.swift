import Gateway
import NIOCore
import Testing

@Suite("Work streams")
struct WorkStreamsTests {
    typealias Streams = WorkStreams<String>
    static let now = NIODeadline.uptimeNanoseconds(1_000)

    static func ready(_ sample: Streams.Sample, maximumPending: Int = 10) -> Streams {
        var streams = Streams(maximumPending: maximumPending)
        _ = streams.admit(pool: "l4", itemCount: 1, at: now, parking: "first")
        _ = streams.ensured(pool: "l4", .success(sample), at: now)
        return streams
    }

    @Test("the first request looks the stream up, later ones wait for it, all come back together")
    func parking() {
        var streams = Streams(maximumPending: 10)
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "a") == .parked(lookUp: true))
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "b") == .parked(lookUp: false))
        #expect(streams.admit(pool: "cpu", itemCount: 1, at: Self.now, parking: "c") == .parked(lookUp: true))
        #expect(streams.ensured(pool: "l4", .success(.init(messages: 0, consumers: 1)), at: Self.now) == ["a", "b"])
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "d") == .publish)
    }

    @Test("a failed look-up is remembered for a second")
    func failure() {
        var streams = Streams(maximumPending: 10)
        _ = streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "a")
        #expect(streams.ensured(pool: "l4", .failure(.noConsumers), at: Self.now) == ["a"])
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "b") == .refused(.noConsumers))
        #expect(
            streams.admit(pool: "l4", itemCount: 1, at: Self.now + .seconds(1), parking: "c") == .parked(lookUp: true))
    }

    @Test("no consumers and too many stored messages refuse work")
    func backpressure() {
        var idle = Self.ready(.init(messages: 0, consumers: 0))
        #expect(idle.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "x") == .refused(.noConsumers))
        var full = Self.ready(.init(messages: 10, consumers: 1))
        #expect(full.admit(pool: "l4", itemCount: 5, at: Self.now, parking: "x") == .publish, "the limit is exclusive")
        #expect(
            full.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "x")
                == .refused(.backpressure(pendingMessages: 15, threshold: 10)), "what was published since counts")
        full.sampled(pool: "l4", .init(messages: 3, consumers: 1))
        #expect(full.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "x") == .publish)
    }

    @Test("what was answered does not count any more, before the next sample")
    func answered() {
        var streams = Self.ready(.init(messages: 0, consumers: 1))
        for _ in 0..<10 {
            #expect(streams.admit(pool: "l4", itemCount: 11, at: Self.now, parking: "x") == .publish)
            streams.answered(pool: "l4", itemCount: 11)
        }
        #expect(streams.admit(pool: "l4", itemCount: 11, at: Self.now, parking: "x") == .publish)
        #expect(
            streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "x")
                == .refused(.backpressure(pendingMessages: 11, threshold: 10)))
        // More than was counted, as others' gateways publish too; and of a pool that is not known.
        streams.answered(pool: "l4", itemCount: 1000)
        streams.answered(pool: "cpu", itemCount: 1)
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "x") == .publish)
        #expect(streams.active(at: Self.now) == ["l4"])
    }

    @Test("a lost connection forgets the streams and hands back who waits")
    func disconnect() {
        var streams = Self.ready(.init(messages: 0, consumers: 1))
        _ = streams.admit(pool: "cpu", itemCount: 1, at: Self.now, parking: "waits")
        #expect(streams.disconnected() == ["waits"])
        #expect(streams.ensured(pool: "cpu", .success(.init(messages: 0, consumers: 1)), at: Self.now) == [])
        #expect(streams.admit(pool: "l4", itemCount: 1, at: Self.now, parking: "a") == .parked(lookUp: true))
    }

    @Test("only streams in use are sampled, and callers cannot make the table grow without bound")
    func bounds() {
        var streams = Self.ready(.init(messages: 0, consumers: 1))
        #expect(streams.active(at: Self.now) == ["l4"])
        #expect(streams.active(at: Self.now + Streams.idleAfter) == [])
        for index in 0..<Streams.maximumTracked {
            _ = streams.admit(pool: "p\(index)", itemCount: 1, at: Self.now, parking: "x")
        }
        guard case .refused = streams.admit(pool: "one-more", itemCount: 1, at: Self.now, parking: "x") else {
            Issue.record("the table is full")
            return
        }
    }
}
