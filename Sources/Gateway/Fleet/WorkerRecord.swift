/// What the gateway knows of one worker: its last report and whether to believe it (gateway contract 5.1, 5.3).
package struct WorkerRecord: Sendable, Equatable {
    package enum State: String, Sendable {
        /// Known by address, not yet heard or not yet ready.
        case unknown
        case healthy
        /// Ready before, now announcing that it takes no more work.
        case draining
        case unhealthy
    }

    /// The worker's base URL, its identity in this registry.
    package let url: String
    package internal(set) var state: State = .unknown
    package internal(set) var name: String
    package internal(set) var machineProfile = ""
    package internal(set) var pool = ""
    package internal(set) var bundle = "default"
    package internal(set) var bundleConfigHash = ""
    package internal(set) var loadedModels: [String] = []
    package internal(set) var gpuCount = 1
    package internal(set) var queueDepth = 0
    package internal(set) var memoryUsedBytes: Int64 = 0
    package internal(set) var memoryTotalBytes: Int64 = 0
    /// Whether it pulls batched work items of its lane.
    package internal(set) var takesBatches = false
    /// When the last report came, in seconds of the registry's clock.
    package internal(set) var lastReport: Double = -.infinity

    package init(url: String) {
        self.url = url
        name = url
    }

    package var isHealthy: Bool { state == .healthy }
}
