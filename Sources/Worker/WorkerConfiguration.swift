import FoundationEssentials
import Settings

/// Everything the worker was told, gathered once at start from flags and environment and passed down; nothing deeper
/// in the tree reads the environment (worker contract 1.1, 1.2).
package struct WorkerConfiguration: Sendable, Equatable {
    /// Where models, bundles and weights are.
    package struct Catalog: Sendable, Equatable {
        /// Directory of model YAML files.
        package var modelsDirectory: String
        /// Directory of bundle YAML files.
        package var bundlesDirectory: String
        /// The bundle this worker serves.
        package var bundle: String
        /// When set, only these model ids are served.
        package var modelFilter: [String]?
        /// Models loaded before the worker says it is ready.
        package var preload: [String]
        /// Root of downloaded weights in the hub's cache layout.
        package var weightCache: String?
        /// Base URL of sie-config, asked for the current catalogue at start and after every reconnect.
        package var configServiceURL: String?
        /// The bearer token for sie-config, if it asks for one.
        package var configServiceToken: String?
    }

    /// The queue lane and the rules of its consumption.
    package struct Queue: Sendable, Equatable {
        package var natsServers: [String]
        /// The NATS credentials file (`.creds`), if the server wants one.
        package var natsCredentialsFile: String?
        package var pool: String
        /// Work items held at once, waiting or running; the back-pressure of the pull loop.
        package var fetchBudget: Int
        package var nakDelay: Duration
        package var outOfMemoryNakDelay: Duration
        package var maxDeliver: Int
        /// Time JetStream waits for an acknowledgement before it hands a message to another worker.
        package var ackWait: Duration
        package var streamMaxAge: Duration
        /// Where items too large for the queue are: a directory, `s3://` or `gs://`; nil for nowhere.
        package var payloadStore: String?
        /// Leads to the credentials of a bucket. Holds secrets: never logged.
        package var payloadStoreEnvironment: Environment
    }

    /// How inference runs.
    package struct Engine: Sendable, Equatable {
        /// Threads that run forward passes.
        package var threads: Int
        /// Tokens a thread takes from the queue at a time.
        package var tokenBudget: Int
        /// Items one model may have waiting before new ones are given back.
        package var maxWaitingItems: Int
    }

    package var host: String
    package var port: Int
    package var workerName: String
    package var machineProfile: String
    package var catalog: Catalog
    package var queue: Queue
    package var engine: Engine
    package var logLevel: String
    package var jsonLogs: Bool
}
