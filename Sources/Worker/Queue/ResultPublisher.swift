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

    /// The vector of one encoded item.
    package func publish(
        _ encoded: EncodedText, of work: WorkItem, itemID: MessagePackValue?, dtype: OutputDType,
        queueMilliseconds: Double, payloadFetchMilliseconds: Double
    ) throws(NATSError) {
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
        try publish(.success(writer.bytes), of: work, timings: timings)
    }

    package func publishFailure(_ message: String, code: String, of work: WorkItem) throws(NATSError) {
        try publish(.failure(message: message, code: code), of: work, timings: WorkResult.Timings())
    }

    private func publish(
        _ outcome: WorkResult.Outcome, of work: WorkItem, timings: WorkResult.Timings
    ) throws(NATSError) {
        // No reply subject: the work was done for nobody, which the contract allows.
        guard let reply = work.replySubject, !reply.isEmpty else { return }
        let result = WorkResult(
            workItemID: work.workItemID, requestID: work.requestID, itemIndex: work.itemIndex, outcome: outcome,
            timings: timings, workerID: workerName)
        var writer = MessagePackWriter(capacity: 2048)
        result.write(to: &writer)
        try connection.publish(reply, sizeHint: writer.count) { $0.writeBytes(writer.bytes) }
    }
}
