import NIOCore
import NIOWebSocket

/// The conversation on one open WebSocket, without any I/O (RFC 6455).
package struct WebSocketState {
    package enum Role: Sendable {
        case client
        case server
    }

    package enum Action: Equatable {
        case deliver(WebSocketMessage)
        case pong(ByteBuffer)
        case ping
        /// Send a close frame with this content.
        case sendClose(WebSocketClosure)
        /// Close the connection once everything is flushed, and report this end.
        case end(WebSocketClosure)
    }

    private enum Phase: Equatable {
        case open
        case closing(WebSocketClosure, since: NIODeadline)
        case ended
    }

    private let role: Role
    private let configuration: WebSocketConfiguration
    private var phase = Phase.open
    private var fragments: (isText: Bool, data: ByteBuffer)?
    private var lastReceived: NIODeadline
    private var pingedAt: NIODeadline?

    package init(role: Role, configuration: WebSocketConfiguration, now: NIODeadline) {
        self.role = role
        self.configuration = configuration
        lastReceived = now
    }

    package var isOpen: Bool { phase == .open }

    // MARK: frames

    package mutating func receive(_ frame: WebSocketFrame, now: NIODeadline) -> [Action] {
        guard phase != .ended else { return [] }
        lastReceived = now
        pingedAt = nil
        let isMasked = frame.maskKey != nil
        guard isMasked == (role == .server) else { return fail(1002, "masking", now: now) }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return fail(1002, "reserved bits", now: now) }
        let data = frame.unmaskedData
        switch frame.opcode {
        case .text, .binary:
            guard fragments == nil else { return fail(1002, "a message inside a message", now: now) }
            return receive(data: data, isText: frame.opcode == .text, isFinal: frame.fin, now: now)
        case .continuation:
            guard var started = fragments else { return fail(1002, "a continuation of nothing", now: now) }
            guard started.data.readableBytes + data.readableBytes <= configuration.messageLimitBytes else {
                return fail(1009, "the message is too large", now: now)
            }
            fragments = nil
            started.data.writeImmutableBuffer(data)
            return receive(data: started.data, isText: started.isText, isFinal: frame.fin, now: now)
        case .ping:
            guard isValid(control: frame, data) else { return fail(1002, "ping", now: now) }
            return phase == .open ? [.pong(data)] : []
        case .pong:
            return isValid(control: frame, data) ? [] : fail(1002, "pong", now: now)
        case .connectionClose:
            guard isValid(control: frame, data) else { return fail(1002, "close", now: now) }
            return receiveClose(data, now: now)
        default:
            return fail(1002, "unknown opcode", now: now)
        }
    }

    private func isValid(control frame: WebSocketFrame, _ data: ByteBuffer) -> Bool {
        frame.fin && data.readableBytes <= 125
    }

    private mutating func receive(data: ByteBuffer, isText: Bool, isFinal: Bool, now: NIODeadline) -> [Action] {
        guard data.readableBytes <= configuration.messageLimitBytes else {
            return fail(1009, "the message is too large", now: now)
        }
        guard isFinal else {
            fragments = (isText, data)
            return []
        }
        // After our close frame nothing is delivered any more.
        guard phase == .open else { return [] }
        guard isText else { return [.deliver(.binary(data))] }
        guard let text = String(validating: data.readableBytesView, as: UTF8.self) else {
            return fail(1007, "the text is not UTF-8", now: now)
        }
        return [.deliver(.text(text))]
    }

    private mutating func receiveClose(_ data: ByteBuffer, now: NIODeadline) -> [Action] {
        var data = data
        var closure = WebSocketClosure(code: 1005)
        if data.readableBytes > 0 {
            guard let code = data.readInteger(as: UInt16.self), Self.mayBeSent(code),
                let reason = String(validating: data.readableBytesView, as: UTF8.self)
            else {
                return fail(1002, "close", now: now)
            }
            closure = WebSocketClosure(code: code, reason: reason)
        }
        switch phase {
        case .open:
            phase = .ended
            return [.sendClose(WebSocketClosure(code: closure.code)), .end(closure)]
        case .closing(let own, _):
            // The peer has answered our close frame.
            phase = .ended
            return [.end(own)]
        case .ended:
            return []
        }
    }

    private static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    /// The frame decoder gave up.
    package mutating func decodingFailed(isTooLarge: Bool, now: NIODeadline) -> [Action] {
        isTooLarge ? fail(1009, "the frame is too large", now: now) : fail(1002, "framing", now: now)
    }

    private mutating func fail(_ code: UInt16, _ reason: String, now: NIODeadline) -> [Action] {
        let closure = WebSocketClosure(code: code, reason: reason)
        defer { phase = .ended }
        switch phase {
        case .open: return [.sendClose(closure), .end(closure)]
        case .closing: return [.end(closure)]
        case .ended: return []
        }
    }

    // MARK: our side

    package mutating func close(_ closure: WebSocketClosure, now: NIODeadline) -> [Action] {
        guard phase == .open else { return [] }
        phase = .closing(closure, since: now)
        return [.sendClose(closure)]
    }

    /// The transport has ended.
    package mutating func inputClosed() -> [Action] {
        defer { phase = .ended }
        switch phase {
        case .open: return [.end(.abnormal)]
        case .closing(let own, _): return [.end(own)]
        case .ended: return []
        }
    }

    // MARK: time

    /// When something has to be done even if nothing arrives.
    package var deadline: NIODeadline? {
        switch phase {
        case .open:
            if let pingedAt { return pingedAt + TimeAmount(configuration.pongTimeout) }
            return configuration.pingInterval.map { lastReceived + TimeAmount($0) }
        case .closing(_, let since): return since + TimeAmount(configuration.closeTimeout)
        case .ended: return nil
        }
    }

    package mutating func timerFired(now: NIODeadline) -> [Action] {
        guard let deadline, now >= deadline else { return [] }
        switch phase {
        case .open where pingedAt == nil:
            pingedAt = now
            return [.ping]
        case .open:
            phase = .ended
            return [.end(WebSocketClosure(code: 1006, reason: "the peer does not answer"))]
        case .closing(let own, _):
            phase = .ended
            return [.end(own)]
        case .ended:
            return []
        }
    }
}
