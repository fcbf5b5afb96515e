import Logging
import NATSClient
import NIOCore
import Observability
import ServiceLifecycle

/// Puts work items that the broker gave up into the stream of dead letters, and takes them out of the work stream.
///
/// All gateways share one queue group, so that one of them hears of each; the letter's message id makes the stream keep
/// one where two heard of it all the same.
package final class DeadLetterForwarder: Service {
    private static let queueGroup = "sie-gateway-dead-letters"
    /// How often storing a letter is tried.
    private static let attempts = 4

    private let connection: NATSConnection
    private let metrics: DeadLetterMetrics
    private let logger: Logger
    private let retryDelay: Duration

    package init(
        connection: NATSConnection, metrics: DeadLetterMetrics, logger: Logger, retryDelay: Duration = .seconds(1)
    ) {
        self.connection = connection
        self.metrics = metrics
        self.logger = logger
        self.retryDelay = retryDelay
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            do throws(NATSError) {
                let advisories = try await self.connection.subscribe(
                    DeadLetterAdvisory.subject, queueGroup: Self.queueGroup)
                for await message in advisories { await self.forward(message.payload) }
            } catch {
                self.logger.error("dead letters not followed", metadata: ["error": "\(error)"])
            }
        }
    }

    private func forward(_ announced: ByteBuffer) async {
        guard let advisory = DeadLetterAdvisory(announced) else {
            return logger.warning("unreadable advisory of a dead letter")
        }
        guard DeadLetter.pool(ofStream: advisory.stream) != nil else { return }
        var failure: NATSError?
        for attempt in 1...Self.attempts {
            do throws(NATSError) {
                return try await move(advisory, announced)
            } catch {
                failure = error
            }
            guard attempt < Self.attempts, (try? await Task.sleep(for: retryDelay * attempt)) != nil else { break }
        }
        metrics.failures.with(advisory.stream, advisory.consumer).increment()
        logger.error(
            "dead letter not stored",
            metadata: [
                "stream": "\(advisory.stream)", "sequence": "\(advisory.sequence)",
                "error": "\(failure.map(String.init(describing:)) ?? "")",
            ])
    }

    private func move(_ advisory: DeadLetterAdvisory, _ announced: ByteBuffer) async throws(NATSError) {
        let jetStream = connection.jetStream
        let stored = try await message(of: advisory)
        try await jetStream.ensureStream(DeadLetterStream.configuration)
        for letter in DeadLetter.letters(advisory, stored: stored, announced: announced) {
            try await store(letter, of: advisory, announced)
        }
        guard stored != nil else { return }
        do throws(NATSError) {
            try await jetStream.deleteMessage(stream: advisory.stream, sequence: advisory.sequence)
        } catch {
            // It goes when it is too old.
            logger.debug("dead letter left in its stream", metadata: ["error": "\(error)"])
        }
    }

    private func store(
        _ letter: DeadLetter, of advisory: DeadLetterAdvisory, _ announced: ByteBuffer
    ) async throws(NATSError) {
        let jetStream = connection.jetStream
        let ack: PubAck
        do throws(NATSError) {
            ack = try await jetStream.publish(
                letter.subject, payload: letter.payload, headers: letter.headers, messageID: letter.messageID)
        } catch {
            // An item as large as a message may be has no room for headers beside it.
            guard case .maxPayloadExceeded = error else { throw error }
            ack = try await jetStream.publish(
                letter.subject, payload: announced, headers: letter.headers, messageID: letter.messageID)
        }
        guard !ack.isDuplicate else { return }
        metrics.stored.with(advisory.stream, advisory.consumer).increment()
        logger.warning(
            "dead letter stored",
            metadata: [
                "subject": "\(letter.subject)", "model": "\(letter.headers[DeadLetter.Header.model] ?? "")",
                "pool": "\(letter.headers[DeadLetter.Header.pool] ?? "")",
                "request_id": "\(letter.headers[DeadLetter.Header.requestID] ?? "")",
                "deliveries": "\(advisory.deliveries)",
            ])
    }

    /// The message that was given up; nil where it is gone.
    private func message(of advisory: DeadLetterAdvisory) async throws(NATSError) -> DeadLetter.Message? {
        do throws(NATSError) {
            let stored = try await connection.jetStream.message(
                stream: advisory.stream, sequence: advisory.sequence)
            return DeadLetter.Message(subject: stored.subject, payload: stored.payload)
        } catch {
            guard case .jetStream(let error) = error,
                [JetStreamAPIError.messageNotFound, JetStreamAPIError.streamNotFound].contains(error.errorCode)
            else { throw error }
            return nil
        }
    }
}
