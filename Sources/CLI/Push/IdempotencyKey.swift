import Crypto

/// The `Idempotency-Key` of one file at one commit: repeated and parallel runs for the same commit share it, so that the
/// config service writes once.
package enum IdempotencyKey {
    /// `gh-{repository, with - for /}-{commit, 12 characters}-{SHA-256 of the path, 12 hexadecimal digits}`.
    ///
    /// - Parameter path: relative to the repository's root.
    package static func make(repository: String, commit: String, path: String) -> String {
        var name = ""
        for scalar in repository.unicodeScalars { name.unicodeScalars.append(scalar == "/" ? "-" : scalar) }
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA256.hash(data: Array(path.utf8)).prefix(6).flatMap {
            [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
        }
        return "gh-\(name)-\(commit.prefix(12))-\(String(decoding: digest, as: UTF8.self))"
    }
}
