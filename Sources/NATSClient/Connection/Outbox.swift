import NIOCore
import Synchronization

/// What waits to be sent, filled from any thread and emptied by the event loop, with the answers awaited beside it: one
/// lock covers both, so that a request is in the table before its frame can leave.
final class Outbox: Sendable {
    /// What the caller that filled the outbox has to do next.
    struct Signal {
        /// The event loop must be told: nobody has yet.
        var needsFlush = false
        /// A timer for this deadline must be set: it is earlier than any set before.
        var deadline: NIODeadline?
    }

    enum Phase {
        case open
        /// Takes messages until the drain's last step.
        case draining
        case closed
    }

    private struct State {
        var pending = ByteBuffer()
        var replies = ReplyTable()
        /// Whether the event loop knows that something waits.
        var isFlushScheduled = false
        /// The deadline the event loop has a timer for.
        var armedDeadline = NIODeadline.distantFuture
        /// Bytes handed to the channel that have not reached the socket.
        var inFlightBytes = 0
        var phase = Phase.open
        var isConnected = false
        var maxPayloadBytes = 1_048_576
        var supportsHeaders = true
        /// The number of the last frame written, and of the last one handed to the channel.
        var lastFrame: UInt64 = 0
        var lastSentFrame: UInt64 = 0
        var spaceWaiters: [UInt64: CheckedContinuation<NATSError?, Never>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())
    private let limitBytes: Int
    private let buffersWhileDisconnected: Bool
    /// The prefix of the shared inbox's subjects, with the last dot.
    let inboxPrefix: String

    init(limitBytes: Int, buffersWhileDisconnected: Bool, inboxPrefix: String) {
        self.limitBytes = limitBytes
        self.buffersWhileDisconnected = buffersWhileDisconnected
        self.inboxPrefix = inboxPrefix
    }
}

// MARK: - Filling, from any thread

extension Outbox {
    func publish(
        _ subject: String, reply: String?, headers: NATSHeaders, sizeHint: Int, write: (inout ByteBuffer) -> Void
    ) throws(NATSError) -> Signal {
        try state.withLock { state throws(NATSError) in
            try admit(&state, sizeHint: sizeHint, hasHeaders: !headers.isEmpty)
            try state.pending.writePublish(
                subject: subject, reply: reply.map { .subject($0) } ?? .none, headers: headers, sizeHint: sizeHint,
                maxPayloadBytes: state.maxPayloadBytes, write: write)
            return appended(&state)
        }
    }

    func request(
        _ subject: String, headers: NATSHeaders, sizeHint: Int, deadline: NIODeadline, isAnsweredOnce: Bool,
        write: (inout ByteBuffer) -> Void, onReply: @escaping ReplyTable.Handler
    ) throws(NATSError) -> Signal {
        try state.withLock { state throws(NATSError) in
            try admit(&state, sizeHint: sizeHint, hasHeaders: !headers.isEmpty)
            let token = state.replies.insert(
                onReply, deadline: deadline, frame: state.lastFrame + 1, isAnsweredOnce: isAnsweredOnce)
            do throws(NATSError) {
                try state.pending.writePublish(
                    subject: subject, reply: .slot(prefix: inboxPrefix, token: token), headers: headers,
                    sizeHint: sizeHint, maxPayloadBytes: state.maxPayloadBytes, write: write)
            } catch {
                _ = state.replies.remove(token)
                throw error
            }
            var signal = appended(&state)
            if deadline < state.armedDeadline {
                state.armedDeadline = deadline
                signal.deadline = deadline
            }
            return signal
        }
    }

    func acknowledge(_ message: NATSMessage, with text: String) throws(NATSError) -> Signal {
        try state.withLock { state throws(NATSError) in
            try admit(&state, sizeHint: 0, hasHeaders: false)
            state.pending.writeAcknowledgement(of: message, text: text)
            return appended(&state)
        }
    }

    private func admit(_ state: inout State, sizeHint: Int, hasHeaders: Bool) throws(NATSError) {
        if state.phase == .closed { throw .closed }
        if !state.isConnected, !buffersWhileDisconnected { throw .notConnected }
        if hasHeaders, !state.supportsHeaders { throw .server("headers not supported") }
        let waiting = state.pending.readableBytes + state.inFlightBytes
        // A single message larger than the limit is let through when nothing else waits.
        if waiting > 0, waiting + sizeHint > limitBytes { throw .pendingBufferFull(limitBytes: limitBytes) }
    }

    private func appended(_ state: inout State) -> Signal {
        state.lastFrame += 1
        guard !state.isFlushScheduled else { return Signal() }
        state.isFlushScheduled = true
        return Signal(needsFlush: true)
    }

    /// Waits until half of the limit is free.
    func waitForSpace() async throws(NATSError) {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let error: NATSError? = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: NATSError?? = state.withLock { state in
                    if state.phase == .closed { return .some(.closed) }
                    if Task.isCancelled { return .some(.timeout) }
                    if hasSpace(state) { return .some(nil) }
                    state.spaceWaiters[id] = continuation
                    return nil
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            state.withLock { $0.spaceWaiters.removeValue(forKey: id) }?.resume(returning: .timeout)
        }
        if let error { throw error }
    }

    private func hasSpace(_ state: borrowing State) -> Bool {
        state.pending.readableBytes + state.inFlightBytes <= limitBytes / 2
    }
}

// MARK: - Emptying, on the event loop

extension Outbox {
    /// Swaps what waits for an empty buffer. `nil` where nothing waits.
    func take(leaving spare: inout ByteBuffer) -> ByteBuffer? {
        state.withLock { state in
            state.isFlushScheduled = false
            guard state.pending.readableBytes > 0 else { return nil }
            let taken = state.pending
            state.pending = spare
            spare = ByteBuffer()
            state.inFlightBytes += taken.readableBytes
            state.lastSentFrame = state.lastFrame
            return taken
        }
    }

    /// Notes that bytes taken have reached the socket, or are lost with it.
    func finished(bytes: Int) {
        let waiters = state.withLock { state -> [CheckedContinuation<NATSError?, Never>] in
            state.inFlightBytes -= bytes
            guard !state.spaceWaiters.isEmpty, hasSpace(state) else { return [] }
            defer { state.spaceWaiters.removeAll() }
            return Array(state.spaceWaiters.values)
        }
        for waiter in waiters { waiter.resume(returning: nil) }
    }

    func connected(to info: NATSServerInfo) {
        state.withLock { state in
            state.isConnected = true
            state.maxPayloadBytes = info.maxPayloadBytes
            state.supportsHeaders = info.supportsHeaders
        }
    }

    /// Takes the handlers of what was sent and not answered.
    func disconnected() -> [ReplyTable.Handler] {
        state.withLock { state in
            state.isConnected = false
            return state.replies.removeAll(upToFrame: state.lastSentFrame)
        }
    }

    func beginDraining() {
        state.withLock { if $0.phase == .open { $0.phase = .draining } }
    }

    /// Refuses all further messages.
    func close() {
        let waiters = state.withLock { state in
            state.phase = .closed
            defer { state.spaceWaiters.removeAll() }
            return Array(state.spaceWaiters.values)
        }
        for waiter in waiters { waiter.resume(returning: .closed) }
    }

    /// Drops what waits and takes the handlers of everything not answered.
    func abandon() -> [ReplyTable.Handler] {
        state.withLock { state in
            state.pending = ByteBuffer()
            return state.replies.removeAll(upToFrame: .max)
        }
    }

    func removeReply(_ token: UInt64) -> ReplyTable.Handler? {
        state.withLock { $0.replies.remove(token) }
    }

    /// Takes the handlers whose deadline has come, and the deadline to set the next timer for.
    func removeExpired(now: NIODeadline) -> (expired: [ReplyTable.Handler], next: NIODeadline?) {
        state.withLock { state in
            let expired = state.replies.removeExpired(now: now)
            state.armedDeadline = state.replies.count == 0 ? .distantFuture : state.replies.earliestDeadline
            return (expired, state.armedDeadline == .distantFuture ? nil : state.armedDeadline)
        }
    }

    /// How many answers are awaited.
    var awaitedReplies: Int { state.withLock { $0.replies.count } }

    /// How many bytes have not reached the socket.
    var waitingBytes: Int { state.withLock { $0.pending.readableBytes + $0.inFlightBytes } }
}
