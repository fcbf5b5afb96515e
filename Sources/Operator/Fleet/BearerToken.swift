import CurlClient
import FoundationEssentials

/// What the operator shows to the gateway and to the config service: a token out of a file, which is read for every
/// request, so that a replaced one counts at once; or none. Secret: never logged.
package struct BearerToken: Sendable {
    private let file: String?

    /// - Parameter file: nil for requests without a token.
    package init(file: String?) { self.file = file }

    /// The headers of a request; none where the file is not there or empty, so that the other side says what is missing.
    package var headers: [CurlRequest.Header] {
        guard let file, let data = FileManager.default.contents(atPath: file) else { return [] }
        let token = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isWhitespace).joined()
        return token.isEmpty ? [] : [CurlRequest.Header("Authorization", "Bearer \(token)")]
    }
}
