/// The states of one model on this worker and what moves it between them. Fed events, answers with the action the
/// driver has to perform; holds no I/O (worker contract 1.6, 2.6).
package struct ModelLifecycle: Equatable, Sendable {
    package enum State: Equatable, Sendable {
        case available
        case loading
        case loaded
        case unloading
        case failed(message: String, attempts: Int, retryAt: Double)
    }

    package enum Action: Equatable, Sendable {
        /// Start reading the checkpoint; report back with `loadSucceeded` or `loadFailed`.
        case startLoading
        /// Keep the work until the running load ends.
        case wait
        /// Run the work now.
        case run
        /// Answer the work with this error.
        case refuse(message: String)
        /// Give the work back to the queue.
        case giveBack
    }

    /// A failed load is not repeated before this many seconds, doubled with each attempt up to `maximumRetryDelay`, so
    /// that a missing or broken checkpoint answers at once instead of being read again for every message.
    package static let firstRetryDelay = 5.0
    package static let maximumRetryDelay = 300.0

    package private(set) var state: State = .available

    package init() {}

    /// Work for the model arrived at `now` (seconds, any monotonic origin).
    package mutating func workArrived(now: Double) -> Action {
        switch state {
        case .loaded: return .run
        case .loading: return .wait
        case .unloading: return .giveBack
        case .available:
            state = .loading
            return .startLoading
        case .failed(let message, _, let retryAt):
            guard now >= retryAt else { return .refuse(message: message) }
            attemptsBeforeLoading = attempts
            state = .loading
            return .startLoading
        }
    }

    package mutating func loadSucceeded() {
        attemptsBeforeLoading = 0
        state = .loaded
    }

    package mutating func loadFailed(_ message: String, now: Double) {
        let attempts = attemptsBeforeLoading + 1
        var delay = Self.firstRetryDelay
        for _ in 1..<max(attempts, 1) where delay < Self.maximumRetryDelay { delay *= 2 }
        state = .failed(message: message, attempts: attempts, retryAt: now + min(delay, Self.maximumRetryDelay))
    }

    /// The worker shuts down or evicts the model.
    package mutating func unload() {
        if state == .loaded { state = .unloading }
    }

    /// A new configuration of the model arrived: an earlier failure says nothing about it.
    package mutating func configurationChanged() {
        if case .failed = state {
            attemptsBeforeLoading = 0
            state = .available
        }
    }

    private var attemptsBeforeLoading = 0

    private var attempts: Int {
        if case .failed(_, let attempts, _) = state { return attempts }
        return 0
    }

    /// The word of the status message: `available`, `loading`, `loaded`, `unloading` or `failed`.
    package var statusWord: String {
        switch state {
        case .available: "available"
        case .loading: "loading"
        case .loaded: "loaded"
        case .unloading: "unloading"
        case .failed: "failed"
        }
    }
}
