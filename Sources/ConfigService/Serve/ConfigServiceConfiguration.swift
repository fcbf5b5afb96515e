import ArgumentParser
import FoundationEssentials
import Settings

/// Everything `sie-config serve` can be told, decided once at start.
struct ConfigServiceConfiguration: Sendable {
    /// Tokens that open the API; an empty one counts as set and opens nothing.
    struct Tokens: Sendable {
        /// Opens everything. Secret: never logged.
        var admin: String?
        /// Opens reads. Secret: never logged.
        var inference: String?
    }

    /// Where changes are announced.
    struct Messaging: Sendable {
        /// The servers' URLs.
        var servers: [String]
        /// User and password. Secret: never logged.
        var user: String?
        var password: String?
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
    /// Who this process is in deltas.
    var publisherID: String
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
        tokens = Tokens(admin: environment["SIE_ADMIN_TOKEN"], inference: environment["SIE_AUTH_TOKEN"])
        if let servers = text("SIE_NATS_URL") {
            let (user, password) = (text("SIE_NATS_USER"), text("SIE_NATS_PASSWORD"))
            guard (user == nil) == (password == nil) else {
                throw ValidationError("SIE_NATS_USER and SIE_NATS_PASSWORD must be set together")
            }
            messaging = Messaging(
                servers: servers.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) },
                user: user, password: password)
        }
        publisherID =
            text("POD_NAME")
            ?? "\(text("HOSTNAME") ?? ProcessInfo.processInfo.hostName)-\(ProcessInfo.processInfo.processIdentifier)"
        logLevel = text("SIE_LOG_LEVEL") ?? "info"
        logsJSON = ["true", "1", "yes"].contains(environment["SIE_LOG_JSON"]?.lowercased())
    }
}

extension ConfigServiceConfiguration: CustomStringConvertible {
    /// All settings with every secret left out.
    var description: String {
        """
        host=\(host) port=\(port) bundles=\(bundlesDirectory) models=\(modelsDirectory) \
        store=\(storeLocation ?? "none") restore=\(restoresAtStart) nats=\(messaging == nil ? "off" : "on") \
        admin-token=\(tokens.admin == nil ? "unset" : "set") inference-token=\(tokens.inference == nil ? "unset" : "set") \
        publisher=\(publisherID)
        """
    }
}
