import FoundationEssentials
import Settings

/// Where the services are and which tokens open them, from flags and the environment.
package struct ServiceSettings: Sendable {
    /// The config service, without a slash at its end.
    package var configURL: String
    /// The gateway, without a slash at its end; nil where none is named.
    package var gatewayURL: String?
    /// Opens writes. Secret: never logged, never an argument of a program.
    package var adminToken: String?
    /// Opens the gateway's reads. Secret like the other.
    package var readToken: String?
    /// A file with the certificates to trust, in place of the system's.
    package var certificates: String?

    /// - Parameters:
    ///   - configURL: the flag that wins over `SIE_CONFIG_URL`.
    ///   - gatewayURL: the flag that wins over `SIE_GATEWAY_URL`.
    /// - Throws: `SettingError` for a URL that is missing or none, a token file that cannot be read, a token that no
    ///   header can carry.
    package init(configURL: String?, gatewayURL: String?, environment: Environment) throws(SettingError) {
        guard let url = configURL ?? environment.string("SIE_CONFIG_URL") else {
            throw SettingError(
                "SIE_CONFIG_URL is not set: it names the config service, e.g. https://config.example.org")
        }
        self.configURL = try Self.serviceURL(url, "SIE_CONFIG_URL")
        if let url = gatewayURL ?? environment.string("SIE_GATEWAY_URL") {
            self.gatewayURL = try Self.serviceURL(url, "SIE_GATEWAY_URL")
        }
        adminToken = try Self.token("SIE_ADMIN_TOKEN", environment)
        readToken = try Self.token("SIE_AUTH_TOKEN", environment) ?? adminToken
        certificates = environment.string("SIE_CA_FILE")
    }

    /// Checks a URL and cuts slashes off its end.
    package static func serviceURL(_ text: String, _ name: String) throws(SettingError) -> String {
        var trimmed = text.drop(while: \.isWhitespace)
        while let last = trimmed.last, last.isWhitespace || last == "/" { trimmed.removeLast() }
        let url = String(trimmed)
        guard let parsed = URL(string: url), ["http", "https"].contains(parsed.scheme?.lowercased()),
            let host = parsed.host(), !host.isEmpty, parsed.query() == nil, parsed.fragment() == nil
        else {
            throw SettingError("\(name) must be an http or https URL without query, not '\(url.prefix(200))'")
        }
        return url
    }

    private static func token(_ name: String, _ environment: Environment) throws(SettingError) -> String? {
        var token = environment.string(name)
        if token == nil, let path = environment.string("\(name)_FILE") {
            do {
                token = try String(contentsOfFile: path, encoding: .utf8)
            } catch {
                throw SettingError("\(name)_FILE names \(path), which cannot be read: \(error)")
            }
        }
        // A line break at the end is how files and pasted secrets come; within a token it would split the header.
        guard let trimmed = token.map({ String($0.utf8.trimmingLineBreaks) ?? "" }), !trimmed.isEmpty else {
            return nil
        }
        guard trimmed.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
            throw SettingError("\(name) holds characters that no HTTP header can carry")
        }
        return trimmed
    }
}

extension String.UTF8View {
    fileprivate var trimmingLineBreaks: Substring.UTF8View {
        var rest = self[...]
        while let last = rest.last, last == 0x0A || last == 0x0D { rest = rest.dropLast() }
        return rest
    }
}
