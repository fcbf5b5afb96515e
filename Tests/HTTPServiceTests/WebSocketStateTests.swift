import HTTPService
import NIOCore
import NIOWebSocket
import Testing

@Suite("WebSocket state")
struct WebSocketStateTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private func makeState(_ role: WebSocketState.Role = .server) -> WebSocketState {
        var configuration = WebSocketConfiguration()
        configuration.messageLimitBytes = 100
        configuration.pingInterval = .seconds(20)
        configuration.pongTimeout = .seconds(10)
        configuration.closeTimeout = .seconds(2)
        return WebSocketState(role: role, configuration: configuration, now: Self.start)
    }

    /// A frame as a client sends it.
    private func frame(
        _ opcode: WebSocketOpcode, _ bytes: [UInt8] = [], fin: Bool = true, isMasked: Bool = true, rsv1: Bool = false
    ) -> WebSocketFrame {
        let key: WebSocketMaskingKey? = isMasked ? [1, 2, 3, 4] : nil
        var data = ByteBuffer(bytes: bytes)
        if let key { data.webSocketMask(key) }
        return WebSocketFrame(fin: fin, rsv1: rsv1, opcode: opcode, maskKey: key, data: data)
    }

    private func failure(_ actions: [WebSocketState.Action]) -> UInt16? {
        guard actions.count == 2, case .sendClose(let sent) = actions[0], case .end(let end) = actions[1], sent == end
        else { return nil }
        return sent.code
    }

    @Test("a message arrives whole, however many frames carry it and whatever control frames lie between")
    func fragments() {
        var state = makeState()
        #expect(state.receive(frame(.text, Array("one ".utf8), fin: false), now: Self.start) == [])
        #expect(state.receive(frame(.ping, [7]), now: Self.start) == [.pong(ByteBuffer(bytes: [7]))])
        #expect(state.receive(frame(.continuation, Array("two ".utf8), fin: false), now: Self.start) == [])
        #expect(
            state.receive(frame(.continuation, Array("three".utf8)), now: Self.start)
                == [.deliver(.text("one two three"))])
        #expect(
            state.receive(frame(.binary, [0xFF]), now: Self.start) == [.deliver(.binary(ByteBuffer(bytes: [0xFF])))])
    }

    @Test("a character may be cut by fragments")
    func cutCharacter() {
        var state = makeState()
        #expect(state.receive(frame(.text, [0xC3], fin: false), now: Self.start) == [])
        #expect(state.receive(frame(.continuation, [0xBC]), now: Self.start) == [.deliver(.text("ü"))])
    }

    @Test("breaches of the protocol end the connection with the right code")
    func breaches() {
        let cases: [([WebSocketFrame], UInt16)] = [
            ([frame(.text, [0x61], isMasked: false)], 1002),
            ([frame(.text, [0x61], rsv1: true)], 1002),
            ([frame(.continuation)], 1002),
            ([frame(.text, fin: false), frame(.binary)], 1002),
            ([frame(.ping, fin: false)], 1002),
            ([frame(.connectionClose, [3])], 1002),
            ([frame(.connectionClose, [0x03, 0xED])], 1002),
            ([frame(.text, [0xFF])], 1007),
            ([frame(.binary, [UInt8](repeating: 0, count: 101))], 1009),
            (
                [
                    frame(.binary, [UInt8](repeating: 0, count: 60), fin: false),
                    frame(.continuation, [UInt8](repeating: 0, count: 60)),
                ], 1009
            ),
        ]
        for (frames, code) in cases {
            var state = makeState()
            var last: [WebSocketState.Action] = []
            for frame in frames { last = state.receive(frame, now: Self.start) }
            #expect(failure(last) == code, "\(frames)")
            #expect(state.receive(frame(.text), now: Self.start) == [], "nothing follows the end")
        }
        var client = makeState(.client)
        #expect(failure(client.receive(frame(.text, [0x61]), now: Self.start)) == 1002)
        var decoder = makeState()
        #expect(failure(decoder.decodingFailed(isTooLarge: true, now: Self.start)) == 1009)
    }

    @Test("the peer's close is echoed with its code")
    func peerCloses() {
        var state = makeState()
        let closure = WebSocketClosure(code: 4001, reason: "bye")
        #expect(
            state.receive(frame(.connectionClose, [0x0F, 0xA1] + Array("bye".utf8)), now: Self.start)
                == [.sendClose(WebSocketClosure(code: 4001)), .end(closure)])
        var bare = makeState()
        #expect(
            bare.receive(frame(.connectionClose), now: Self.start)
                == [.sendClose(WebSocketClosure(code: 1005)), .end(WebSocketClosure(code: 1005))])
    }

    @Test("our close waits for the echo, delivers nothing more, and gives up in time")
    func weClose() {
        var state = makeState()
        #expect(state.close(.goingAway, now: Self.start) == [.sendClose(.goingAway)])
        #expect(state.close(.normal, now: Self.start) == [])
        #expect(state.receive(frame(.text, [0x61]), now: Self.start) == [])
        #expect(state.receive(frame(.connectionClose, [0x03, 0xE9]), now: Self.start) == [.end(.goingAway)])

        var silent = makeState()
        _ = silent.close(.normal, now: Self.start)
        #expect(silent.deadline == Self.start + .seconds(2))
        #expect(silent.timerFired(now: Self.start + .seconds(2)) == [.end(.normal)])
    }

    @Test("a silent peer is pinged, and lost if it stays silent")
    func pings() {
        var state = makeState()
        #expect(state.timerFired(now: Self.start + .seconds(19)) == [])
        #expect(state.timerFired(now: Self.start + .seconds(20)) == [.ping])
        #expect(state.receive(frame(.pong), now: Self.start + .seconds(25)) == [])
        #expect(state.deadline == Self.start + .seconds(45))
        #expect(state.timerFired(now: Self.start + .seconds(45)) == [.ping])
        #expect(state.timerFired(now: Self.start + .seconds(54)) == [])
        #expect(
            state.timerFired(now: Self.start + .seconds(55))
                == [.end(WebSocketClosure(code: 1006, reason: "the peer does not answer"))])
    }

    @Test("a connection that breaks ends abnormally, once")
    func breaks() {
        var state = makeState()
        #expect(state.inputClosed() == [.end(.abnormal)])
        #expect(state.inputClosed() == [])
    }
}
