import ObjectStore
import ServiceLifecycle

/// A bucket on S3 or Google Cloud Storage as the place of items too large for the queue.
package final class PayloadBucket: PayloadSource, Service {
    private struct Reading: Sendable {
        var reference: String
        var body: @Sendable (Result<[UInt8], PayloadFailure>) -> Void
    }

    /// Items read at once; each may be as large as a request.
    package static let concurrentReads = 16

    private let store: any ObjectStore
    private let readings: AsyncStream<Reading>
    private let start: AsyncStream<Reading>.Continuation

    package init(_ store: any ObjectStore) {
        self.store = store
        (readings, start) = AsyncStream.makeStream()
    }

    package func read(_ reference: String, _ body: @escaping @Sendable (Result<[UInt8], PayloadFailure>) -> Void) {
        guard PayloadReference.isPlain(reference) else { return body(.failure(.outside)) }
        let reading = Reading(reference: reference, body: body)
        if case .terminated = start.yield(reading) { body(.failure(.unavailable(reason: "shutting down"))) }
    }

    /// Reads what is asked for, until cancelled or shut down gracefully.
    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { tasks in
                var running = 0
                for await reading in self.readings {
                    if running == Self.concurrentReads {
                        await tasks.next()
                        running -= 1
                    }
                    running += 1
                    tasks.addTask { reading.body(await self.object(reading.reference)) }
                }
                tasks.cancelAll()
            }
        }
        start.finish()
    }

    private func object(_ reference: String) async -> Result<[UInt8], PayloadFailure> {
        do throws(ObjectStoreError) {
            guard let object = try await store.get(reference) else { return .failure(.missing) }
            return .success(object.bytes)
        } catch {
            return .failure(.unavailable(reason: error.description))
        }
    }
}
