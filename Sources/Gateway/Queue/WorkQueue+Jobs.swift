import Logging
import NATSClient
import NIOCore
import Wire

/// What takes longer than an event loop may be held up: talk with the broker about streams, and with the payload store.
extension WorkQueue {
    enum Job: Sendable {
        case lookUp(LookUp)
        /// Store the payloads of these work items, then publish.
        case storePayloads(QueuedRequest, items: [Int])
        case removePayloads([String])
    }

    struct LookUp: Sendable {
        var pool: String
        var mayCreate: Bool
        /// The consumer to look at; nil where the fleet vouches for the pool.
        var consumer: String?
    }

    /// Performs jobs, each beside the others, until there will be no more.
    func performJobs() async {
        await withDiscardingTaskGroup { tasks in
            for await job in jobs { tasks.addTask { await self.perform(job) } }
            // Nobody waits any more for streams to be looked up, or for payloads to be stored.
            tasks.cancelAll()
        }
    }

    private func perform(_ job: Job) async {
        switch job {
        case .lookUp(let lookUp): await perform(lookUp)
        case .storePayloads(let queued, let items):
            if let payloads { await storePayloads(queued, items: items, in: payloads) }
        case .removePayloads(let keys): await removePayloadsNow(keys)
        }
    }

    private func perform(_ lookUp: LookUp) async {
        let result = await sample(lookUp)
        try? await eventLoop.submit {
            for queued in self.streams.ensured(pool: lookUp.pool, result, at: .now()) {
                guard self.collector.isOpen(queued.id) else { continue }
                switch result {
                case .success: self.admit(queued, at: .now())
                case .failure(let refusal): self.end(queued.id, .refused(refusal))
                }
            }
        }.get()
    }

    private func sample(_ lookUp: LookUp) async -> Result<WorkStreams<QueuedRequest>.Sample, PublishRefusal> {
        let settings = WorkStreamSettings.configuration(pool: lookUp.pool)
        do throws(NATSError) {
            let info =
                lookUp.mayCreate
                ? try await jetStream.ensureStream(settings) : try await jetStream.streamInfo(settings.name)
            return .success(try await attended(.init(info.state), stream: settings.name, consumer: lookUp.consumer))
        } catch {
            if case .jetStream(let error) = error, error.errorCode == JetStreamAPIError.streamNotFound {
                return .failure(.noConsumers)
            }
            return .failure(.streamUnavailable(stream: settings.name, detail: error.description))
        }
    }

    /// A sample without consumers that nobody attends to.
    private func attended(
        _ sample: WorkStreams<QueuedRequest>.Sample, stream: String, consumer: String?
    ) async throws(NATSError) -> WorkStreams<QueuedRequest>.Sample {
        guard let consumer, sample.consumers > 0 else { return sample }
        var sample = sample
        let attendance = ConsumerAttendance(jetStream: jetStream)
        if try await !attendance.isAttended(stream: stream, consumer: consumer) { sample.consumers = 0 }
        return sample
    }

    /// The messages in a pool's stream of batches; none where it has no such stream any more.
    private func batchesWaiting(pool: String) async throws(NATSError) -> UInt64 {
        do throws(NATSError) {
            return try await jetStream.streamInfo(Subjects.batchStream(pool: pool)).state.messages
        } catch .jetStream(let error) where error.errorCode == JetStreamAPIError.streamNotFound {
            return 0
        }
    }

    func sampleStreams() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: configuration.sampleInterval)) != nil else { return }
            let looked = try? await eventLoop.submit {
                let pools = self.streams.active(at: .now())
                self.unvouched = self.unvouched.filter { pools.contains($0.key) }
                self.itemsPerBatch = self.itemsPerBatch.filter { pools.contains($0.key) }
                return pools.map { ($0, self.unvouched[$0], self.itemsPerBatch[$0]) }
            }.get()
            for (pool, consumer, itemsPerBatch) in looked ?? [] where connection.status == .connected {
                do throws(NATSError) {
                    let stream = Subjects.workStream(pool: pool)
                    let info = try await jetStream.streamInfo(stream)
                    var sample = try await attended(.init(info.state), stream: stream, consumer: consumer)
                    if let itemsPerBatch {
                        sample.messages += Int(itemsPerBatch * Double(try await batchesWaiting(pool: pool)))
                    }
                    let taken = sample
                    eventLoop.execute { self.streams.sampled(pool: pool, taken) }
                } catch {
                    if case .jetStream(let error) = error, error.errorCode == JetStreamAPIError.streamNotFound {
                        eventLoop.execute { self.streams.lost(pool: pool) }
                    }
                }
            }
        }
    }
}

extension WorkStreams.Sample {
    init(_ state: StreamInfo.State) {
        self.init(messages: Int(clamping: state.messages), consumers: state.consumerCount)
    }
}
