import NIOCore

/// The conversation on one server connection, without any I/O: fed with what arrives and what is answered, it says what
/// to do next.
///
/// Requests are taken one at a time. A request has two sides that end independently: its body arrives (collected, or
/// discarded once the answer no longer depends on it), and its answer is written. When both have ended, the connection
/// is ready for the next request or closes.
package struct HTTPConnectionState {
    /// The timeouts and limits that the conversation needs.
    package struct Limits {
        package var idleTimeout: TimeAmount
        package var bodyTimeout: TimeAmount
        /// How long a head may take from its first bytes to its end.
        package var headTimeout: TimeAmount = .seconds(30)
        /// The slowest body that is put up with once the first `bodyTimeout` has passed.
        package var minimumBytesPerSecond = 240
        /// A refused body of which at most this much is still to come is read to its end, so that the connection can be
        /// used again.
        package var drainLimitBytes = 64 << 10
        /// How long a client that still sends a refused body may be silent, and how long it may take in all. It is kept
        /// until then because many clients read the answer only after they have sent everything.
        package var lingerSilence: TimeAmount = .seconds(5)
        package var lingerTotal: TimeAmount = .seconds(30)

        package init(idleTimeout: TimeAmount, bodyTimeout: TimeAmount) {
            self.idleTimeout = idleTimeout
            self.bodyTimeout = bodyTimeout
        }
    }

    /// What the state machine needs to know of a request head.
    package struct Head {
        package var contentLength: Int?
        package var isChunked: Bool
        package var expectsContinue: Bool
        /// False for HTTP/1.0, `connection: close`, and for protocol switches, after which the parser stops.
        package var keepsAlive: Bool

        package init(
            contentLength: Int? = nil, isChunked: Bool = false, expectsContinue: Bool = false, keepsAlive: Bool = true
        ) {
            self.contentLength = contentLength
            self.isChunked = isChunked
            self.expectsContinue = expectsContinue
            self.keepsAlive = keepsAlive
        }
    }

    private enum RequestSide: Equatable {
        case collecting
        case discarding
        case complete
    }

    private enum ResponseSide: Equatable {
        case awaited
        case started
        case complete(at: NIODeadline)
    }

    private struct Exchange {
        let id: UInt64
        let head: Head
        let bodyLimitBytes: Int
        let startedAt: NIODeadline
        var receivedBytes = 0
        var request: RequestSide
        var response = ResponseSide.awaited
        var keepsAlive: Bool
    }

    private enum Phase {
        case idle
        case busy(Exchange)
        case upgraded
        case closed
    }

    package enum HeadAction: Equatable {
        case receive
        case sendContinue
        case refuse
        case refuseBody(limitBytes: Int)
    }

    package enum BodyAction: Equatable {
        case append
        case discard
        case refuseBody(limitBytes: Int)
    }

    package enum EndAction: Equatable {
        case dispatch
        case wait
        case next
        case close
    }

    package enum CycleAction: Equatable {
        /// The request's body is still arriving.
        case wait
        /// The connection takes the next request.
        case next
        /// The connection is to be closed once everything is flushed.
        case close
    }

    package enum InterruptAction: Equatable {
        case none
        case close
        /// Tell whoever works on the open exchange that the client has gone.
        case disconnected
        /// Answer the open exchange with a failure and close.
        case fail
        /// Answer a head that never ended with a failure and close.
        case failHead
    }

    private let limits: Limits
    private var phase = Phase.idle
    private var lastActivity: NIODeadline
    /// When the first bytes of a head came that has not ended yet.
    private var headStarted: NIODeadline?
    private var isDraining = false
    package private(set) var inputIsClosed = false
    package private(set) var exchangeID: UInt64 = 0

    package init(limits: Limits, now: NIODeadline) {
        self.limits = limits
        lastActivity = now
    }

    /// True while the next request, if it is here already, has to wait.
    package var mustHoldNextRequest: Bool {
        guard case .busy(let exchange) = phase else { return false }
        return exchange.request == .complete
    }

    package var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    /// Whether there will be no further request: the connection is closed, or a WebSocket now.
    package var isOver: Bool {
        switch phase {
        case .closed, .upgraded: true
        case .idle, .busy: false
        }
    }

    // MARK: request

    /// Bytes have arrived that do not make a whole head yet.
    package mutating func receivePartialHead(now: NIODeadline) {
        guard case .idle = phase, headStarted == nil else { return }
        headStarted = now
    }

    /// A head has arrived.
    ///
    /// - Parameter isRefused: The answer is known already, whatever the body says.
    package mutating func receive(head: Head, bodyLimitBytes: Int, isRefused: Bool, now: NIODeadline) -> HeadAction {
        guard case .idle = phase else { preconditionFailure("a head arrived in \(phase)") }
        lastActivity = now
        headStarted = nil
        exchangeID &+= 1
        var exchange = Exchange(
            id: exchangeID, head: head, bodyLimitBytes: bodyLimitBytes, startedAt: now, request: .collecting,
            keepsAlive: head.keepsAlive)
        let action: HeadAction
        if isRefused {
            exchange.request = .discarding
            action = .refuse
        } else if let length = head.contentLength, length > bodyLimitBytes {
            exchange.request = .discarding
            action = .refuseBody(limitBytes: bodyLimitBytes)
        } else if head.expectsContinue && (head.isChunked || head.contentLength ?? 0 > 0) {
            action = .sendContinue
        } else {
            action = .receive
        }
        phase = .busy(exchange)
        return action
    }

    /// A part of the body has arrived.
    package mutating func receive(bodyBytes: Int, now: NIODeadline) -> BodyAction {
        guard case .busy(var exchange) = phase else { return .discard }
        lastActivity = now
        exchange.receivedBytes += bodyBytes
        defer { phase = .busy(exchange) }
        guard exchange.request == .collecting else { return .discard }
        guard exchange.receivedBytes <= exchange.bodyLimitBytes else {
            exchange.request = .discarding
            return .refuseBody(limitBytes: exchange.bodyLimitBytes)
        }
        return .append
    }

    /// The request is complete.
    package mutating func receiveEnd(now: NIODeadline) -> EndAction {
        guard case .busy(var exchange) = phase else { return .wait }
        lastActivity = now
        let wasCollecting = exchange.request == .collecting
        exchange.request = .complete
        phase = .busy(exchange)
        if wasCollecting { return .dispatch }
        guard case .complete = exchange.response else { return .wait }
        return endCycle(exchange, now: now) == .next ? .next : .close
    }

    // MARK: response

    /// Asks to start the answer to exchange `id`.
    ///
    /// - Parameter endsByClosing: Nothing but the connection's end tells the client where the answer ends.
    /// - Returns: Whether the connection closes after it, for the `connection` header; `nil` if there is nothing to
    ///   answer any more.
    package mutating func startResponse(to id: UInt64, endsByClosing: Bool = false) -> Bool? {
        guard case .busy(var exchange) = phase, exchange.id == id, exchange.response == .awaited else { return nil }
        if exchange.request == .collecting { exchange.request = .discarding }
        if exchange.request == .discarding {
            // A client that waits for "100 Continue" may never send the body, so its end cannot be found.
            let remaining =
                exchange.head.isChunked ? Int.max : (exchange.head.contentLength ?? 0) - exchange.receivedBytes
            let endIsNear = remaining <= limits.drainLimitBytes && !exchange.head.expectsContinue
            exchange.keepsAlive = exchange.keepsAlive && endIsNear
        }
        exchange.keepsAlive = exchange.keepsAlive && !isDraining && !inputIsClosed && !endsByClosing
        exchange.response = .started
        phase = .busy(exchange)
        return !exchange.keepsAlive
    }

    /// The answer is written.
    package mutating func endResponse(now: NIODeadline) -> CycleAction {
        guard case .busy(var exchange) = phase, exchange.response == .started else { return .wait }
        exchange.response = .complete(at: now)
        lastActivity = now
        phase = .busy(exchange)
        if inputIsClosed { return endCycle(exchange, now: now) }
        guard exchange.request == .complete else { return .wait }
        return endCycle(exchange, now: now)
    }

    private mutating func endCycle(_ exchange: Exchange, now: NIODeadline) -> CycleAction {
        lastActivity = now
        guard exchange.keepsAlive, !isDraining, !inputIsClosed else {
            phase = .closed
            return .close
        }
        phase = .idle
        return .next
    }

    // MARK: interruptions

    /// The open exchange becomes a WebSocket; the connection is no longer ours.
    package mutating func upgrade() {
        phase = .upgraded
    }

    /// The parser gave up: no further request can be read.
    package mutating func inputFailed() -> InterruptAction {
        switch phase {
        case .idle:
            openForRefusal()
            return .fail
        case .busy(var exchange):
            exchange.keepsAlive = false
            let wasComplete = exchange.request == .complete
            exchange.request = .complete
            phase = .busy(exchange)
            switch exchange.response {
            // Garbage behind a good request: answer that one first.
            case .awaited: return wasComplete ? .none : .fail
            case .started: return .none
            case .complete:
                phase = .closed
                return .close
            }
        case .upgraded, .closed:
            return .none
        }
    }

    /// Opens an exchange that exists only to carry a refusal.
    private mutating func openForRefusal() {
        exchangeID &+= 1
        headStarted = nil
        phase = .busy(
            Exchange(
                id: exchangeID, head: Head(keepsAlive: false), bodyLimitBytes: 0, startedAt: lastActivity,
                request: .complete, keepsAlive: false))
    }

    /// The client has closed its sending side.
    package mutating func inputClosed() -> InterruptAction {
        inputIsClosed = true
        switch phase {
        case .idle:
            phase = .closed
            return .close
        case .busy(let exchange):
            guard exchange.request == .complete else {
                phase = .closed
                return .close
            }
            return exchange.response == .awaited ? .disconnected : .none
        case .upgraded, .closed:
            return .none
        }
    }

    /// The connection is gone. True if somebody still works on an answer.
    package mutating func becameInactive() -> Bool {
        defer { phase = .closed }
        guard case .busy(let exchange) = phase, case .awaited = exchange.response else { return false }
        return exchange.request == .complete
    }

    /// The server shuts down.
    package mutating func drain() -> InterruptAction {
        isDraining = true
        guard case .idle = phase else { return .none }
        phase = .closed
        return .close
    }

    // MARK: time

    /// When the connection gives up waiting for the client; `nil` while the client waits for us.
    package var deadline: NIODeadline? {
        switch phase {
        case .idle:
            let idle = lastActivity + limits.idleTimeout
            return headStarted.map { min(idle, $0 + limits.headTimeout) } ?? idle
        case .busy(let exchange):
            if case .complete(let at) = exchange.response {
                return min(lastActivity + limits.lingerSilence, at + limits.lingerTotal)
            }
            guard exchange.request != .complete else { return nil }
            let slowest = Int64(Double(exchange.receivedBytes) / Double(max(1, limits.minimumBytesPerSecond)) * 1e9)
            return min(lastActivity, exchange.startedAt + .nanoseconds(slowest)) + limits.bodyTimeout
        case .upgraded, .closed: return nil
        }
    }

    /// The timer that was set for ``deadline`` has fired; the deadline may have moved since.
    package mutating func timerFired(now: NIODeadline) -> InterruptAction {
        guard let deadline, now >= deadline else { return .none }
        if case .idle = phase, headStarted != nil {
            openForRefusal()
            return .failHead
        }
        guard case .busy(var exchange) = phase, case .awaited = exchange.response else {
            phase = .closed
            return .close
        }
        exchange.keepsAlive = false
        phase = .busy(exchange)
        return .fail
    }
}
