import HTTPService
import NIOCore
import Testing

@Suite("HTTP connection state")
struct HTTPConnectionStateTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func makeState() -> HTTPConnectionState {
        HTTPConnectionState(limits: .init(idleTimeout: .seconds(180), bodyTimeout: .seconds(60)), now: Self.start)
    }

    private func receive(
        _ head: HTTPConnectionState.Head, into state: inout HTTPConnectionState, limit: Int = 100,
        isRefused: Bool = false
    ) -> HTTPConnectionState.HeadAction {
        state.receive(head: head, bodyLimitBytes: limit, isRefused: isRefused, now: Self.start)
    }

    @Test("a whole request is dispatched, answered, and the connection is ready again")
    func cycle() {
        var state = makeState()
        for _ in 0..<3 {
            #expect(receive(.init(contentLength: 10), into: &state) == .receive)
            #expect(state.receive(bodyBytes: 4, now: Self.start) == .append)
            #expect(!state.mustHoldNextRequest)
            #expect(state.receive(bodyBytes: 6, now: Self.start) == .append)
            #expect(state.receiveEnd(now: Self.start) == .dispatch)
            #expect(state.mustHoldNextRequest)
            #expect(state.startResponse(to: state.exchangeID) == false)
            #expect(state.endResponse(now: Self.start) == .next)
            #expect(!state.mustHoldNextRequest)
        }
    }

    @Test("an answer counts once, and only for the open exchange")
    func staleAnswers() {
        var state = makeState()
        #expect(state.startResponse(to: 0) == nil)
        _ = receive(.init(), into: &state)
        #expect(state.receiveEnd(now: Self.start) == .dispatch)
        let first = state.exchangeID
        #expect(state.startResponse(to: first) == false)
        #expect(state.startResponse(to: first) == nil)
        #expect(state.endResponse(now: Self.start) == .next)
        _ = receive(.init(), into: &state)
        #expect(state.receiveEnd(now: Self.start) == .dispatch)
        #expect(state.startResponse(to: first) == nil)
        #expect(state.startResponse(to: state.exchangeID) == false)
    }

    @Test(
        "a refused body is read on only if its end is near and known",
        arguments: [
            (HTTPConnectionState.Head(contentLength: 200), false),
            (HTTPConnectionState.Head(contentLength: 1 << 30), true),
            (HTTPConnectionState.Head(isChunked: true), true),
            (HTTPConnectionState.Head(contentLength: 200, expectsContinue: true), true),
            (HTTPConnectionState.Head(contentLength: 200, keepsAlive: false), true),
            (HTTPConnectionState.Head(), false),
        ])
    func refusals(head: HTTPConnectionState.Head, closes: Bool) {
        var state = makeState()
        #expect(receive(head, into: &state, isRefused: true) == .refuse)
        #expect(state.startResponse(to: state.exchangeID) == closes)
        #expect(state.endResponse(now: Self.start) == .wait)
        #expect(state.receive(bodyBytes: 10, now: Self.start) == .discard)
        #expect(state.receiveEnd(now: Self.start) == (closes ? .close : .next))
    }

    @Test("a client that keeps sending a refused body is given up after silence, or after the total time")
    func lingering() {
        var state = makeState()
        _ = receive(.init(contentLength: 1 << 30), into: &state)
        #expect(state.startResponse(to: state.exchangeID) == true)
        #expect(state.endResponse(now: Self.start) == .wait)
        #expect(state.deadline == Self.start + .seconds(5))
        for second in 1...28 {
            #expect(state.receive(bodyBytes: 1 << 20, now: Self.start + .seconds(Int64(second))) == .discard)
        }
        #expect(state.deadline == Self.start + .seconds(30))
        #expect(state.timerFired(now: Self.start + .seconds(29)) == .none)
        #expect(state.timerFired(now: Self.start + .seconds(30)) == .close)
    }

    @Test("waiting for us has no deadline; waiting for the client has one")
    func deadlines() {
        var state = makeState()
        #expect(state.deadline == Self.start + .seconds(180))
        _ = receive(.init(contentLength: 1 << 20), into: &state, limit: 1 << 20)
        #expect(state.deadline == Self.start + .seconds(60))
        _ = state.receive(bodyBytes: 100_000, now: Self.start + .seconds(50))
        #expect(state.timerFired(now: Self.start + .seconds(60)) == .none)
        #expect(state.deadline == Self.start + .seconds(110))
        _ = state.receiveEnd(now: Self.start)
        #expect(state.deadline == nil)
    }

    @Test("a body that stalls fails the request and closes")
    func stalledBody() {
        var state = makeState()
        _ = receive(.init(contentLength: 10), into: &state)
        #expect(state.timerFired(now: Self.start + .seconds(60)) == .fail)
        #expect(state.startResponse(to: state.exchangeID) == true)
    }

    @Test("a drain closes an idle connection at once and a busy one after its answer")
    func drain() {
        var idle = makeState()
        #expect(idle.drain() == .close)
        #expect(idle.isClosed)

        var busy = makeState()
        _ = receive(.init(), into: &busy)
        _ = busy.receiveEnd(now: Self.start)
        #expect(busy.drain() == .none)
        #expect(busy.startResponse(to: busy.exchangeID) == true)
        #expect(busy.endResponse(now: Self.start) == .close)

        var streaming = makeState()
        _ = receive(.init(), into: &streaming)
        _ = streaming.receiveEnd(now: Self.start)
        #expect(streaming.startResponse(to: streaming.exchangeID) == false)
        #expect(streaming.drain() == .none)
        #expect(streaming.endResponse(now: Self.start) == .close)
    }

    @Test("a client that stops sending is gone, unless it only waits for an answer that has begun")
    func inputClosed() {
        var idle = makeState()
        #expect(idle.inputClosed() == .close)

        var receiving = makeState()
        _ = receive(.init(contentLength: 10), into: &receiving)
        #expect(receiving.inputClosed() == .close)

        var waiting = makeState()
        _ = receive(.init(), into: &waiting)
        _ = waiting.receiveEnd(now: Self.start)
        #expect(waiting.inputClosed() == .disconnected)
        #expect(waiting.startResponse(to: waiting.exchangeID) == true)
        #expect(waiting.endResponse(now: Self.start) == .close)

        var streaming = makeState()
        _ = receive(.init(), into: &streaming)
        _ = streaming.receiveEnd(now: Self.start)
        _ = streaming.startResponse(to: streaming.exchangeID)
        #expect(streaming.inputClosed() == .none)
        #expect(streaming.endResponse(now: Self.start) == .close)
    }

    @Test("a lost connection matters only while somebody works on an answer")
    func inactive() {
        var idle = makeState()
        #expect(idle.becameInactive() == false)
        var receiving = makeState()
        _ = receive(.init(contentLength: 10), into: &receiving)
        #expect(receiving.becameInactive() == false)
        var waiting = makeState()
        _ = receive(.init(), into: &waiting)
        _ = waiting.receiveEnd(now: Self.start)
        #expect(waiting.becameInactive() == true)
    }

    @Test("a head that begins and does not end is refused, however often a byte of it comes")
    func endlessHead() {
        var state = makeState()
        #expect(state.deadline == Self.start + .seconds(180))
        state.receivePartialHead(now: Self.start + .seconds(10))
        state.receivePartialHead(now: Self.start + .seconds(39))
        #expect(state.deadline == Self.start + .seconds(40))
        #expect(state.timerFired(now: Self.start + .seconds(39)) == .none)
        #expect(state.timerFired(now: Self.start + .seconds(40)) == .failHead)
        #expect(state.startResponse(to: state.exchangeID) == true)
        #expect(state.endResponse(now: Self.start + .seconds(40)) == .close)
    }

    @Test("a head that ends in time leaves no deadline of its own behind")
    func slowHead() {
        var state = makeState()
        state.receivePartialHead(now: Self.start)
        _ = state.receive(
            head: .init(), bodyLimitBytes: 0, isRefused: false, now: Self.start + .seconds(20))
        #expect(state.receiveEnd(now: Self.start + .seconds(20)) == .dispatch)
        #expect(state.deadline == nil)
        #expect(state.startResponse(to: state.exchangeID) == false)
        #expect(state.endResponse(now: Self.start + .seconds(21)) == .next)
        #expect(state.deadline == Self.start + .seconds(201))
    }

    @Test("a body must keep up a minimal rate once its first minute has passed")
    func bodyRate() {
        var state = makeState()
        _ = state.receive(
            head: .init(contentLength: 1 << 20), bodyLimitBytes: 1 << 20, isRefused: false, now: Self.start)
        // A byte a second: there is progress, but not enough.
        for second in 1...60 {
            #expect(state.receive(bodyBytes: 1, now: Self.start + .seconds(Int64(second))) == .append)
        }
        #expect(state.timerFired(now: Self.start + .seconds(61)) == .fail)
        var steady = makeState()
        _ = steady.receive(
            head: .init(contentLength: 1 << 20), bodyLimitBytes: 1 << 20, isRefused: false, now: Self.start)
        for second in 1...600 {
            _ = steady.receive(bodyBytes: 240, now: Self.start + .seconds(Int64(second)))
            #expect(steady.timerFired(now: Self.start + .seconds(Int64(second))) == .none)
        }
    }

    @Test("a client must take a minimum of its answer in each interval, or it has stalled")
    func writeProgress() {
        var progress = WriteProgress(
            interval: .seconds(10), minimumBytesPerSecond: 100, pendingBytes: 100_000, now: Self.start)
        #expect(
            progress.look(pendingBytes: 100_000, now: Self.start + .seconds(9)) == .waitUntil(Self.start + .seconds(10))
        )
        #expect(
            progress.look(pendingBytes: 99_000, now: Self.start + .seconds(10)) == .waitUntil(Self.start + .seconds(20))
        )
        #expect(progress.look(pendingBytes: 98_001, now: Self.start + .seconds(20)) == .stalled)
        #expect(progress.look(pendingBytes: 0, now: Self.start + .seconds(30)) == .waitUntil(Self.start + .seconds(40)))
    }
}
