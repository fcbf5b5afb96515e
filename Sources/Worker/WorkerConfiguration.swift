import FoundationEssentials

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

/// A setting that cannot be used, named as the user wrote it.
package struct ConfigurationError: Error, CustomStringConvertible, Equatable {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Typed reads of environment variables; an empty value is an unset one.
struct Environment {
    let values: [String: String]

    func string(_ name: String) -> String? {
        guard let value = values[name], !value.isEmpty else { return nil }
        return value
    }

    /// `true`, `1`, `yes` in any case are true, `false`, `0`, `no` false; anything else is refused.
    func bool(_ name: String) throws -> Bool? {
        guard let value = string(name) else { return nil }
        switch value.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw ConfigurationError("\(name) must be true or false, not '\(value)'")
        }
    }

    func int(_ name: String, in range: ClosedRange<Int>) throws -> Int? {
        guard let value = string(name) else { return nil }
        guard let number = Int(value), range.contains(number) else {
            throw ConfigurationError(
                "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound), not '\(value)'")
        }
        return number
    }

    func seconds(_ name: String, in range: ClosedRange<Double>) throws -> Duration? {
        guard let value = string(name) else { return nil }
        guard let number = Double(value), range.contains(number) else {
            throw ConfigurationError(
                "\(name) must be seconds from \(range.lowerBound) to \(range.upperBound), not '\(value)'")
        }
        return .seconds(number)
    }

    func list(_ name: String) -> [String]? {
        guard let value = string(name) else { return nil }
        return Self.list(splitting: value)
    }

    static func list(splitting text: String) -> [String] {
        text.split(separator: ",").map { $0.trimmed() }.filter { !$0.isEmpty }
    }
}

extension Substring {
    fileprivate func trimmed() -> String {
        var text = self
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
