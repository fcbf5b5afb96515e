import DequeModule
import Synchronization

/// The bounded buffer between the event loop, which appends, and the tasks that read a subscription.
final class MessageQueue: Sendable {
    private struct State {
        var messages = Deque<NATSMessage>()
        /// Readers waiting for a message; only while `messages` is empty.
        var readers = Deque<(id: UInt64, continuation: CheckedContinuation<NATSMessage?, Never>)>()
        var nextReader: UInt64 = 0
        var isFinished = false
        var dropped = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let policy: NATSSubscription.SlowConsumerPolicy
    /// Called outside the lock after a reader took a message, with 1.
    private let onTaken: (@Sendable () -> Void)?

    init(limit: Int, policy: NATSSubscription.SlowConsumerPolicy, onTaken: (@Sendable () -> Void)? = nil) {
        self.limit = max(1, limit)
        self.policy = policy
        self.onTaken = onTaken
    }

    var droppedCount: Int { state.withLock { $0.dropped } }

    func append(_ message: NATSMessage) {
        let reader = state.withLock { state -> CheckedContinuation<NATSMessage?, Never>? in
            guard !state.isFinished else { return nil }
            if let reader = state.readers.popFirst() { return reader.continuation }
            if state.messages.count >= limit {
                state.dropped += 1
                guard policy == .dropOldest else { return nil }
                state.messages.removeFirst()
            }
            state.messages.append(message)
            return nil
        }
        if let reader {
            reader.resume(returning: message)
            onTaken?()
        }
    }

    func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            defer { state.readers.removeAll() }
            return state.readers
        }
        for reader in readers { reader.continuation.resume(returning: nil) }
    }

    func next() async -> NATSMessage? {
        enum Step {
            case message(NATSMessage)
            case end
            case wait(UInt64)
        }
        let step = state.withLock { state -> Step in
            if let message = state.messages.popFirst() { return .message(message) }
            if state.isFinished { return .end }
            state.nextReader += 1
            return .wait(state.nextReader)
        }
        switch step {
        case .message(let message):
            onTaken?()
            return message
        case .end:
            return nil
        case .wait(let id):
            return await wait(id)
        }
    }

    private func wait(_ id: UInt64) async -> NATSMessage? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now = state.withLock { state -> (done: Bool, message: NATSMessage?) in
                    // A message, the end or the cancellation may have come since `next` looked.
                    if let message = state.messages.popFirst() { return (true, message) }
                    if state.isFinished || Task.isCancelled { return (true, nil) }
                    state.readers.append((id, continuation))
                    return (false, nil)
                }
                guard now.done else { return }
                if now.message != nil { onTaken?() }
                continuation.resume(returning: now.message)
            }
        } onCancel: {
            let reader = state.withLock { state in
                state.readers.firstIndex { $0.id == id }.map { state.readers.remove(at: $0).continuation }
            }
            reader?.resume(returning: nil)
        }
    }
}
