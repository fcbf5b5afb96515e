import NIOCore

/// The messages that arrive on a WebSocket, in order, until it ends. For one consumer.
///
/// When the consumer falls behind, reading from the connection stops until it has caught up.
public struct WebSocketMessages: AsyncSequence, Sendable {
    typealias Producer = NIOAsyncSequenceProducer<
        WebSocketMessage, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, WebSocketMessageDemand
    >

    let producer: Producer

    /// Reads the messages one by one.
    public struct AsyncIterator: AsyncIteratorProtocol {
        var base: Producer.AsyncIterator

        /// The next message; `nil` once the WebSocket has ended.
        public mutating func next() async -> WebSocketMessage? {
            await base.next()
        }
    }

    /// Starts reading. Call it once.
    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: producer.makeAsyncIterator())
    }
}

/// Tells the channel handler when the consumer wants more.
struct WebSocketMessageDemand: NIOAsyncSequenceProducerDelegate {
    let handler: NIOLoopBound<WebSocketChannelHandler>
    let eventLoop: any EventLoop

    func produceMore() {
        eventLoop.execute { handler.value.resumeReading() }
    }

    func didTerminate() {
        // A consumer that has left must not keep the connection from reading pings and closes.
        eventLoop.execute { handler.value.resumeReading() }
    }
}
