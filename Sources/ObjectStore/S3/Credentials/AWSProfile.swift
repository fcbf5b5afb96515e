import Settings

/// A profile of the shared credentials and configuration files (`~/.aws/credentials`, `~/.aws/config`).
package struct AWSProfile: Sendable, Hashable {
    package var name: String
    /// The settings by their names in lower case; those of the credentials file win.
    package var settings: [String: String]

    package var region: String? { settings["region"] }

    /// The profile that `AWS_PROFILE` names, else `default`.
    ///
    /// - Throws: where a file cannot be read, or `AWS_PROFILE` names a profile that is in neither.
    package init(environment: Environment) throws(CredentialError) {
        let home = environment.string("HOME") ?? ""
        let asked = environment.string("AWS_PROFILE") ?? environment.string("AWS_DEFAULT_PROFILE")
        name = asked ?? "default"
        let credentials = environment.string("AWS_SHARED_CREDENTIALS_FILE") ?? "\(home)/.aws/credentials"
        let configuration = environment.string("AWS_CONFIG_FILE") ?? "\(home)/.aws/config"

        let fromConfiguration = try Self.sections(configuration)
        let fromCredentials = try Self.sections(credentials)
        let general = fromConfiguration["profile \(name)"] ?? (name == "default" ? fromConfiguration["default"] : nil)
        let special = fromCredentials[name]
        guard asked == nil || general != nil || special != nil else {
            throw CredentialError(
                "AWS_PROFILE names '\(name)', which is in neither \(credentials) nor \(configuration)")
        }
        settings = (general ?? [:]).merging(special ?? [:]) { $1 }
    }

    private static func sections(_ path: String) throws(CredentialError) -> [String: [String: String]] {
        guard let bytes = try CredentialFile.bytes(path) else { return [:] }
        return sections(of: String(decoding: bytes, as: UTF8.self))
    }

    /// The sections of an INI file. Indented lines, which hold settings below settings, are passed over.
    package static func sections(of text: String) -> [String: [String: String]] {
        var sections: [String: [String: String]] = [:]
        var section: String?
        for line in text.split(omittingEmptySubsequences: true, whereSeparator: \.isNewline) {
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                guard let end = line.firstIndex(of: "]") else { continue }
                let name = line[line.index(after: line.startIndex)..<end].split(whereSeparator: \.isWhitespace)
                section = name.joined(separator: " ")
                if let section, sections[section] == nil { sections[section] = [:] }
            } else if let section, let separator = line.firstIndex(of: "=") {
                let key = line[..<separator].trimmed.lowercased()
                sections[section]?[key] = line[line.index(after: separator)...].trimmed
            }
        }
        return sections
    }
}

extension Substring {
    /// Without white space on both sides.
    fileprivate var trimmed: String {
        var rest = self
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }
}
