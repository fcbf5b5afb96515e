/// A subscription read as a sequence of messages. It ends when it is unsubscribed or drained, or the connection closes.
///
/// Dropping the last reference unsubscribes. One task should read; where several do, each message goes to one of them.
public final class NATSSubscription: AsyncSequence, Sendable {
    /// What happens when the reader is slower than the sender and the buffer is full.
    public enum SlowConsumerPolicy: Sendable, Equatable {
        /// The message that just came is dropped.
        case dropNewest
        /// The oldest buffered message is dropped.
        case dropOldest
    }

    public typealias Element = NATSMessage

    /// The subject subscribed to.
    public let subject: String
    private let handle: NATSSubscriptionHandle
    private let messages: MessageQueue

    init(subject: String, handle: NATSSubscriptionHandle, messages: MessageQueue) {
        self.subject = subject
        self.handle = handle
        self.messages = messages
    }

    deinit { handle.unsubscribe() }

    /// How many messages the slow-consumer policy has dropped.
    public var droppedCount: Int { messages.droppedCount }

    /// Ends the subscription. Messages already buffered can still be read.
    public func unsubscribe() { handle.unsubscribe() }

    /// Ends the subscription after the messages that the server has already sent; they can still be read.
    public func drain() async throws(NATSError) { try await handle.drain() }

    /// Reads messages until the subscription ends.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let subscription: NATSSubscription

        /// The next message, or `nil` at the end or when the task is cancelled.
        public func next() async -> NATSMessage? { await subscription.messages.next() }
    }

    /// An iterator; all iterators share one buffer.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(subscription: self) }
}
