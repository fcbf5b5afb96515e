import ArgumentParser
import FoundationEssentials
import Settings

/// Everything `sie-config serve` can be told, decided once at start.
struct ConfigServiceConfiguration: Sendable {
    /// Tokens that open the API; an empty one counts as set and opens nothing.
    struct Tokens: Sendable {
        /// Opens everything.
        var admin: TokenSource?
        /// Opens reads.
        var inference: TokenSource?
    }

    /// Where changes are announced.
    struct Messaging: Sendable {
        /// The servers' URLs.
        var servers: [String]
        /// User and password. Secret: never logged.
        var user: String?
        var password: String?
    }

    /// An election among replicas.
    struct Replication: Sendable {
        /// The NATS key-value bucket that they share.
        var bucket = "sie-config"
        /// After how long without a sign of life another replica takes over.
        var lease = Duration.seconds(10)
        /// How often a follower looks for what the writer stored.
        var refresh = Duration.seconds(1)
    }

    var host = "0.0.0.0"
    var port = 8080
    var bundlesDirectory: String
    var modelsDirectory: String
    /// Where written models are kept; nil keeps them in memory only.
    var storeLocation: String?
    /// Where a bucket's credentials are looked for. Secret: never logged.
    var storeEnvironment: Environment
    var restoresAtStart: Bool
    var tokens: Tokens
    /// Nil announces nothing.
    var messaging: Messaging?
    /// Who the service is in deltas; gateways apply those of producers they trust, by default `sie-config` and names
    /// that begin with `sie-config-`.
    var publisherID: String
    /// What tells this process from all other replicas.
    var instanceID: String
    /// How several replicas agree on the one that writes; nil for a service of one replica.
    var replication: Replication?
    var logLevel: String
    var logsJSON: Bool

    /// Reads the environment.
    ///
    /// - Throws: `ValidationError` where values contradict each other.
    init(environment: [String: String]) throws {
        func text(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

        bundlesDirectory = text("SIE_BUNDLES_DIR") ?? "bundles"
        modelsDirectory = text("SIE_MODELS_DIR") ?? "models"
        storeLocation = text("SIE_CONFIG_STORE_DIR").map { location in
            location.count > 1 && location.hasSuffix("/") ? String(location.dropLast()) : location
        }
        storeEnvironment = Environment(environment)
        restoresAtStart = environment["SIE_CONFIG_RESTORE"]?.lowercased() == "true"
        tokens = Tokens(
            admin: try Self.token("SIE_ADMIN_TOKEN", environment),
            inference: try Self.token("SIE_AUTH_TOKEN", environment))
        if let servers = text("SIE_NATS_URL") {
            let (user, password) = (text("SIE_NATS_USER"), text("SIE_NATS_PASSWORD"))
            guard (user == nil) == (password == nil) else {
                throw ValidationError("SIE_NATS_USER and SIE_NATS_PASSWORD must be set together")
            }
            messaging = Messaging(
                servers: servers.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) },
                user: user, password: password)
        }
        publisherID = text("SIE_CONFIG_PRODUCER_ID") ?? text("POD_NAME") ?? "sie-config"
        instanceID =
            text("POD_NAME")
            ?? "\(text("HOSTNAME") ?? ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"
        replication = try Self.replication(environment)
        if replication != nil {
            guard messaging != nil, storeLocation != nil else {
                throw ValidationError("SIE_CONFIG_HA needs SIE_NATS_URL and SIE_CONFIG_STORE_DIR")
            }
            // A follower knows of written models by the store alone.
            restoresAtStart = true
        }
        logLevel = text("SIE_LOG_LEVEL") ?? "info"
        logsJSON = ["true", "1", "yes"].contains(environment["SIE_LOG_JSON"]?.lowercased())
    }
}

extension ConfigServiceConfiguration {
    private static func token(_ name: String, _ environment: [String: String]) throws -> TokenSource? {
        let file = environment["\(name)_FILE"].flatMap { $0.isEmpty ? nil : $0 }
        guard let file else { return environment[name].map(TokenSource.value) }
        guard environment[name] == nil else {
            throw ValidationError("\(name) and \(name)_FILE must not both be set")
        }
        return .file(TokenFile(path: file))
    }

    private static func replication(_ environment: [String: String]) throws -> Replication? {
        switch environment["SIE_CONFIG_HA"]?.lowercased() {
        case nil, "", "off", "false": return nil
        case "nats": break
        case let other?: throw ValidationError("SIE_CONFIG_HA is '\(other)', but must be 'nats' or 'off'")
        }
        var replication = Replication()
        if let bucket = environment["SIE_CONFIG_HA_BUCKET"], !bucket.isEmpty {
            guard
                bucket.utf8.allSatisfy({ byte in
                    byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
                        || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                })
            else { throw ValidationError("SIE_CONFIG_HA_BUCKET may hold letters, digits, '-' and '_' only") }
            replication.bucket = bucket
        }
        if let text = environment["SIE_CONFIG_HA_LEASE_SECONDS"], !text.isEmpty {
            guard let seconds = Double(text), (0.5...300).contains(seconds) else {
                throw ValidationError("SIE_CONFIG_HA_LEASE_SECONDS must be between 0.5 and 300")
            }
            replication.lease = .milliseconds(Int(seconds * 1000))
            replication.refresh = min(.seconds(1), replication.lease / 5)
        }
        return replication
    }
}

extension ConfigServiceConfiguration: CustomStringConvertible {
    /// All settings with every secret left out.
    var description: String {
        """
        host=\(host) port=\(port) bundles=\(bundlesDirectory) models=\(modelsDirectory) \
        store=\(storeLocation ?? "none") restore=\(restoresAtStart) nats=\(messaging == nil ? "off" : "on") \
        admin-token=\(tokens.admin == nil ? "unset" : "set") inference-token=\(tokens.inference == nil ? "unset" : "set") \
        publisher=\(publisherID) ha=\(replication.map { "nats bucket \($0.bucket), lease \($0.lease)" } ?? "off")
        """
    }
}
