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
    }

    func perform(_ job: Job) async {
        switch job {
        case .lookUp(let lookUp): await perform(lookUp)
        case .storePayloads(let queued, let items):
            if let payloads { await storePayloads(queued, items: items, in: payloads) }
        case .removePayloads(let keys):
            for key in keys {
                do throws(PayloadStoreError) {
                    try await payloads?.delete(key: key)
                } catch {
                    logger.warning("payload not removed", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    private func perform(_ lookUp: LookUp) async {
        let result = await sample(lookUp)
        try? await eventLoop.submit {
            for queued in self.streams.ensured(pool: lookUp.pool, result, at: .now()) {
                guard self.collector.isOpen(queued.id) else { continue }
                switch result {
                case .success: self.admit(queued)
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
            return .success(.init(info.state))
        } catch {
            if case .jetStream(let error) = error, error.errorCode == JetStreamAPIError.streamNotFound {
                return .failure(.noConsumers)
            }
            return .failure(.streamUnavailable(stream: settings.name, detail: error.description))
        }
    }

    func sampleStreams() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: configuration.sampleInterval)) != nil else { return }
            let pools = (try? await eventLoop.submit { self.streams.active(at: .now()) }.get()) ?? []
            for pool in pools where connection.status == .connected {
                do throws(NATSError) {
                    let sample = WorkStreams<QueuedRequest>.Sample(
                        try await jetStream.streamInfo(Subjects.workStream(pool: pool)).state)
                    eventLoop.execute { self.streams.sampled(pool: pool, sample) }
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
