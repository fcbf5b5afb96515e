import FoundationEssentials

/// A credentials file as `nsc` writes it: the user's JWT and the seed of its nkey, each between marker lines.
struct CredentialsFile {
    let jwt: String
    let seed: String

    /// Reads the file. Blocking: not for an event loop.
    init(path: String) throws(NATSError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(filePath: path))
        } catch {
            throw .invalidCredentials("the credentials file \(path) cannot be read")
        }
        try self.init(text: String(decoding: data, as: UTF8.self), path: path)
    }

    init(text: String, path: String) throws(NATSError) {
        // Each value is the first line that is not empty after a line of dashes with BEGIN in it.
        var values: [String] = []
        var isAfterBegin = false
        for line in text.split(whereSeparator: \.isNewline) {
            let line = line.filter { !$0.isWhitespace }
            if line.hasPrefix("---"), line.contains("BEGIN") {
                isAfterBegin = true
            } else if isAfterBegin, !line.isEmpty {
                values.append(line)
                isAfterBegin = false
            }
        }
        guard values.count >= 2 else {
            throw .invalidCredentials("the credentials file \(path) does not hold a JWT and a seed")
        }
        self.jwt = values[0]
        self.seed = values[1]
    }
}
