import MessagePack
import NATSClient
import NIOCore
import Wire

/// Writes results into the connection's send buffer. Safe to call from any thread.
package struct ResultPublisher: Sendable {
    private let connection: NATSConnection
    private let workerName: String

    package init(connection: NATSConnection, workerName: String) {
        self.connection = connection
        self.workerName = workerName
    }

    /// Results of one message take about this much at most.
    private static let maximumBytes = 256 << 10

    /// The vector of one encoded item.
    package func result(
        _ encoded: EncodedText, of work: WorkItem, itemID: MessagePackValue?, dtype: OutputDType,
        queueMilliseconds: Double, payloadFetchMilliseconds: Double
    ) -> WorkResult {
        var writer = MessagePackWriter(capacity: 512 + encoded.vector.count * 4)
        var scratch: [UInt8] = []
        encoded.vector.withUnsafeBufferPointer { vector in
            EncodeOutput.writeDense(vector, dtype: dtype, itemID: itemID, scratch: &scratch, to: &writer)
        }
        var timings = WorkResult.Timings()
        timings.queue = queueMilliseconds
        timings.processing = 0
        timings.inference = encoded.inferenceMilliseconds
        timings.tokenization = encoded.tokenizationMilliseconds > 0 ? encoded.tokenizationMilliseconds : nil
        timings.payloadFetch = payloadFetchMilliseconds
        return result(.success(writer.bytes), of: work, timings: timings)
    }

    package func failure(_ message: String, code: String, of work: WorkItem) -> WorkResult {
        result(.failure(message: message, code: code), of: work, timings: WorkResult.Timings())
    }

    private func result(_ outcome: WorkResult.Outcome, of work: WorkItem, timings: WorkResult.Timings) -> WorkResult {
        WorkResult(
            workItemID: work.workItemID, requestID: work.requestID, itemIndex: work.itemIndex, outcome: outcome,
            timings: timings, workerID: workerName)
    }

    /// Publishes the answer to a work item that came by itself.
    ///
    /// - Parameter reply: nil or empty where the work was done for nobody, which the contract allows.
    package func publish(_ result: WorkResult, to reply: String?) throws(NATSError) {
        guard let reply, !reply.isEmpty else { return }
        var writer = MessagePackWriter(capacity: 2048)
        result.write(to: &writer)
        try connection.publish(reply, sizeHint: writer.count) { $0.writeBytes(writer.bytes) }
    }

    /// Publishes answers to items that came in one message, in as few messages as the broker takes.
    package func publish(_ answers: [BatchAnswers.Answer]) throws(NATSError) {
        let limit = min(Self.maximumBytes, (connection.serverInfo?.maxPayloadBytes ?? 1 << 20) / 2)
        for group in ReplyGroup.groups(of: answers) {
            for message in WorkResultBatch.messages(of: group.results, bytes: limit) {
                guard message.results.count > 1 else {
                    for result in message.results { try publish(result, to: group.reply) }
                    continue
                }
                var writer = MessagePackWriter(capacity: 2048 * message.results.count)
                message.write(to: &writer)
                try connection.publish(group.reply, sizeHint: writer.count) { $0.writeBytes(writer.bytes) }
            }
        }
    }

    /// Calls `body` on the connection's event loop, when it has done what it is doing: what becomes ready until then can
    /// go out with it.
    package func soon(_ body: @escaping @Sendable () -> Void) {
        connection.eventLoop.execute(body)
    }

    /// Puts a work item on the queue; `onStored` is told on the event loop, once, whether it is there.
    ///
    /// - Parameter messageID: by which the queue keeps one of several copies.
    package func enqueue(
        _ item: [UInt8], subject: String, messageID: String?,
        onStored: @escaping @Sendable (Result<PubAck, NATSError>) -> Void
    ) throws(NATSError) {
        try connection.jetStream.publish(
            subject, messageID: messageID, sizeHint: item.count, write: { $0.writeBytes(item) }, onAck: onStored)
    }
}
