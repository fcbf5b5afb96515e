import Synchronization

/// The threads that run models. Each takes a micro-batch of what waits, tokenises it, runs it whole on its own, and goes
/// on: nothing inside a forward pass waits for another thread, so a busy neighbour on the machine slows one batch, not
/// all of them.
public final class InferencePool: Sendable {
    /// How many threads run, and how much they take at a time.
    public struct Configuration: Sendable, Equatable {
        public var threads: Int
        /// Tokens of one micro-batch. Larger ones gain nothing once the products fill the cores' caches.
        public var tokenBudget: Int
        /// Jobs that may wait.
        public var maxWaiting: Int

        public init(threads: Int, tokenBudget: Int = 512, maxWaiting: Int = 4096) {
            self.threads = max(1, threads)
            self.tokenBudget = max(1, tokenBudget)
            self.maxWaiting = max(1, maxWaiting)
        }
    }

    private struct Waiting {
        let job: EmbeddingJob
        /// Known once a thread looked at the job and left it for the next batch.
        var tokens: TokenSequence?
        var tokenization = 0.0
    }

    private struct State {
        var waiting: [Waiting] = []
        /// Index of the first waiting job; what is before it has been taken.
        var head = 0
        var isShutDown = false

        var count: Int { waiting.count - head }

        mutating func popFirst() -> Waiting? {
            guard head < waiting.count else { return nil }
            defer {
                head += 1
                if head == waiting.count {
                    waiting.removeAll(keepingCapacity: true)
                    head = 0
                } else if head >= 1024 {
                    waiting.removeFirst(head)
                    head = 0
                }
            }
            return waiting[head]
        }

        mutating func pushFirst(_ item: Waiting) {
            if head > 0 {
                head -= 1
                waiting[head] = item
            } else {
                waiting.insert(item, at: 0)
            }
        }
    }

    public let configuration: Configuration
    private let queue: BlockingQueue<State>
    private let threads: [DedicatedThread]

    public init(_ configuration: Configuration) {
        self.configuration = configuration
        let queue = BlockingQueue(State())
        self.queue = queue
        let former = MicroBatchFormer(tokenBudget: configuration.tokenBudget, threads: configuration.threads)
        threads = (0..<configuration.threads).compactMap { _ in
            DedicatedThread { InferenceThread(former: former).run(queue) }
        }
    }

    deinit { shutDown() }

    /// Jobs that no thread has taken yet.
    public var waitingCount: Int { queue.update { $0.count } }

    /// Accepts a job. False where too many wait or the pool is shut down; the job's closures are not called then.
    public func submit(_ job: EmbeddingJob) -> Bool {
        queue.update(waking: .one) { state in
            guard !state.isShutDown, state.count < configuration.maxWaiting else { return false }
            state.waiting.append(Waiting(job: job))
            return true
        }
    }

    /// Fails what waits with `cancelled`, lets running batches finish, and returns when all threads have ended.
    public func shutDown() {
        let cancelled = queue.update(waking: .all) { state in
            state.isShutDown = true
            defer {
                state.waiting.removeAll()
                state.head = 0
            }
            return state.waiting[state.head...].map(\.job)
        }
        for job in cancelled { job.completion(.failure(.cancelled), EmbeddingJob.Timings()) }
        for thread in joinable.exchange() ? threads : [] { thread.join() }
    }

    private let joinable = OneTime()
}

extension InferencePool {
    /// True for the first caller only: a thread may be joined once.
    private final class OneTime: Sendable {
        private let used = Atomic(false)
        func exchange() -> Bool { !used.exchange(true, ordering: .acquiringAndReleasing) }
    }

    /// What one thread keeps from batch to batch.
    private final class InferenceThread {
        private let former: MicroBatchFormer
        private let clock = ContinuousClock()
        /// Memory of the batch before; models are held while they run, and no longer.
        private var memory: CPUSession?
        private var batch = PackedBatch()
        private var output: [Float] = []

        init(former: MicroBatchFormer) { self.former = former }

        func run(_ queue: BlockingQueue<State>) {
            while let (first, share) = queue.wait(for: { state -> (Waiting, Int)?? in
                let share = former.share(ofWaiting: state.count)
                if let first = state.popFirst() { return .some((first, share)) }
                return state.isShutDown ? .some(nil) : nil
            }) {
                runBatch(startingWith: first, share: share, from: queue)
            }
        }

        private func runBatch(startingWith first: Waiting, share: Int, from queue: BlockingQueue<State>) {
            let model = first.job.model
            var items: [Waiting] = []
            batch.removeAll()
            var next: Waiting? = first
            while var item = next {
                let tokens: TokenSequence
                if let known = item.tokens {
                    tokens = known
                } else {
                    let start = clock.now
                    tokens = model.tokenize(item.job.text)
                    item.tokenization = (clock.now - start).seconds
                    item.tokens = tokens
                }
                guard
                    former.accepts(
                        tokens: tokens.ids.count, afterTotal: batch.tokenCount, count: items.count, share: share)
                else {
                    queue.update(waking: .one) { $0.pushFirst(item) }
                    break
                }
                batch.append(tokens)
                items.append(item)
                guard items.count < share else { break }
                next = queue.update { state in
                    guard let candidate = state.popFirst() else { return nil }
                    guard candidate.job.model === model else {
                        state.pushFirst(candidate)
                        return nil
                    }
                    return candidate
                }
            }
            for item in items { item.job.onStart() }
            let session = model.makeSession(reusing: memory)
            memory = session.session
            if case .failure(let error) = encode(batch, items, on: session) {
                guard items.count > 1 else { return fail(items[0], with: error) }
                // Each alone needs less; what does not fit even so says so for itself.
                for item in items {
                    var single = PackedBatch()
                    if let tokens = item.tokens { single.append(tokens) }
                    if case .failure(let error) = encode(single, [item], on: session) { fail(item, with: error) }
                }
            }
        }

        private func fail(_ item: Waiting, with error: OutOfMemory) {
            item.job.completion(
                .failure(.outOfMemory(error)), EmbeddingJob.Timings(tokenization: item.tokenization))
        }

        /// Runs a batch and completes its jobs, or none of them.
        private func encode(
            _ batch: PackedBatch, _ items: [Waiting], on session: EmbeddingSession
        ) -> Result<Void, OutOfMemory> {
            let start = clock.now
            let dimension = session.model.dimension
            if output.count < items.count * dimension {
                output = [Float](repeating: 0, count: items.count * dimension)
            }
            return output.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return .success(()) }
                do throws(OutOfMemory) {
                    try session.encode(batch, options: { items[$0].job.options }, into: base)
                } catch {
                    return .failure(error)
                }
                let inference = (clock.now - start).seconds
                for (index, item) in items.enumerated() {
                    let vector = UnsafeBufferPointer(start: base + index * dimension, count: dimension)
                    item.job.completion(
                        .success(vector),
                        EmbeddingJob.Timings(tokenization: item.tokenization, inference: inference))
                }
                return .success(())
            }
        }
    }
}

extension Duration {
    fileprivate var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
