import Synchronization

/// The messages of a pull consumer as a sequence. More are asked for as they are read.
public final class PulledMessages: AsyncSequence, Sendable {
    public typealias Element = JetStreamMessage

    /// Holds what was delivered and not read: never more than was asked for, so nothing is dropped.
    final class Buffer: Sendable {
        private let puller = Mutex<Puller?>(nil)
        private let queue: Mutex<MessageQueue?> = Mutex(nil)

        init(batch: Int) {
            queue.withLock {
                $0 = MessageQueue(limit: .max, policy: .dropNewest) { [weak self] in self?.taken() }
            }
        }

        func attach(_ puller: Puller) { self.puller.withLock { $0 = puller } }
        func append(_ message: NATSMessage) { messages?.append(message) }
        func finish() { messages?.finish() }
        var messages: MessageQueue? { queue.withLock { $0 } }

        private func taken() { puller.withLock { $0 }?.requestMore(1) }
    }

    /// The consumer behind the sequence, to pause or stop it.
    public let consumer: PullConsumer
    private let buffer: Buffer

    init(consumer: PullConsumer, buffer: Buffer) {
        self.consumer = consumer
        self.buffer = buffer
    }

    /// Reads messages until the consumer ends.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let messages: PulledMessages

        /// The next message, or `nil` at the end or when the task is cancelled.
        public func next() async -> JetStreamMessage? {
            guard let message = await messages.buffer.messages?.next() else { return nil }
            return JetStreamMessage(message: message, driver: messages.consumer.puller.driver)
        }
    }

    /// An iterator; all iterators share one buffer.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(messages: self) }
}
