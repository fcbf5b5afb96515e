import NATSClient

/// Tells whether anybody takes work from a durable consumer. It outlives its workers, so that it exists says nothing.
struct ConsumerAttendance: Sendable {
    /// Longer than a worker takes from one pull to the next.
    static let secondLook = Duration.milliseconds(200)

    let jetStream: JetStream

    /// Whether a pull waits or work is under way, now or a moment later. A consumer that cannot be judged, because the
    /// pool's has another name, counts as attended.
    func isAttended(stream: String, consumer: String) async throws(NATSError) -> Bool {
        if try await isBusy(stream: stream, consumer: consumer) { return true }
        guard (try? await Task.sleep(for: Self.secondLook)) != nil else { return true }
        return try await isBusy(stream: stream, consumer: consumer)
    }

    private func isBusy(stream: String, consumer: String) async throws(NATSError) -> Bool {
        do throws(NATSError) {
            let info = try await jetStream.consumerInfo(stream: stream, name: consumer)
            return info.waitingCount > 0 || info.ackPendingCount > 0
        } catch .jetStream(let error) where error.errorCode == JetStreamAPIError.consumerNotFound {
            return true
        }
    }
}
