import JSONStream
import YAML

/// A kubeconfig as it is written (`v1 Config`), as far as it is read here.
struct KubeconfigFile: Decodable {
    struct Named<Value: Decodable>: Decodable {
        var name: String
        var value: Value

        private enum CodingKeys: String, CodingKey {
            case name, cluster, user, context
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            let key = [CodingKeys.cluster, .user, .context].first { container.contains($0) } ?? .context
            value = try container.decode(Value.self, forKey: key)
        }
    }

    struct Cluster: Decodable {
        var server: String?
        var authority: String?
        var authorityData: String?
        var isInsecure: Bool?
        var serverName: String?
        var proxy: String?

        private enum CodingKeys: String, CodingKey {
            case server
            case authority = "certificate-authority"
            case authorityData = "certificate-authority-data"
            case isInsecure = "insecure-skip-tls-verify"
            case serverName = "tls-server-name"
            case proxy = "proxy-url"
        }
    }

    struct User: Decodable {
        var certificate: String?
        var certificateData: String?
        var key: String?
        var keyData: String?
        var token: String?
        var tokenFile: String?
        var username: String?
        var password: String?
        var impersonated: String?
        var impersonatedUID: String?
        var impersonatedGroups: [String]?
        var exec: Exec?
        var authProvider: JSONValue?

        private enum CodingKeys: String, CodingKey {
            case certificate = "client-certificate"
            case certificateData = "client-certificate-data"
            case key = "client-key"
            case keyData = "client-key-data"
            case token, tokenFile, username, password, exec
            case impersonated = "as"
            case impersonatedUID = "as-uid"
            case impersonatedGroups = "as-groups"
            case authProvider = "auth-provider"
        }
    }

    struct Exec: Decodable {
        struct Variable: Decodable {
            var name: String
            var value: String
        }

        var apiVersion: String?
        var command: String
        var args: [String]?
        var env: [Variable]?
        var installHint: String?
        var provideClusterInfo: Bool?
        var interactiveMode: String?
    }

    struct Context: Decodable {
        var cluster: String?
        var user: String?
        var namespace: String?
    }

    var clusters: [Named<Cluster>]?
    var users: [Named<User>]?
    var contexts: [Named<Context>]?
    var currentContext: String?

    private enum CodingKeys: String, CodingKey {
        case clusters, users, contexts
        case currentContext = "current-context"
    }

    /// - Parameter path: for errors.
    static func parse(_ bytes: some Sequence<UInt8>, path: String) throws(ConfigurationError) -> KubeconfigFile {
        do {
            let node = try YAMLNode(parsing: bytes)
            if node.isNull { return KubeconfigFile() }
            return try JSONValue(node, nonStringKeys: .convert).decode(KubeconfigFile.self)
        } catch let error as DecodingError {
            throw ConfigurationError("\(path): \(Self.text(error))")
        } catch let error as YAMLError {
            throw ConfigurationError("\(path): \(error)")
        } catch {
            throw ConfigurationError("\(path): \(error)")
        }
    }

    private init() {}

    /// The path of the entry at fault; its value may be a secret.
    private static func text(_ error: DecodingError) -> String {
        switch error {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context),
            .keyNotFound(_, let context):
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            return path.isEmpty ? context.debugDescription : "\(path): \(context.debugDescription)"
        @unknown default: return "it cannot be read"
        }
    }
}
