import FoundationEssentials

/// A small file with a secret, as another program keeps it up to date.
enum CredentialFile {
    private static let maximumBytes = 1 << 20

    /// The file's bytes; nil where there is none.
    static func bytes(_ path: String) throws(CredentialError) -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CredentialError("\(path) cannot be read")
        }
        guard data.count <= maximumBytes else { throw CredentialError("\(path) is too long for credentials") }
        return Array(data)
    }

    /// The token in a file, without white space around it; read anew each time, because tokens rotate.
    static func token(_ path: String) throws(CredentialError) -> String {
        guard let bytes = try bytes(path), let text = String(validating: bytes, as: UTF8.self) else {
            throw CredentialError("\(path) is missing or no text")
        }
        let token = text.split(whereSeparator: \.isWhitespace).joined()
        guard !token.isEmpty else { throw CredentialError("\(path) is empty") }
        return token
    }
}
