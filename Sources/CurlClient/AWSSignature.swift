/// What libcurl signs a request with: AWS Signature Version 4.
///
/// The URL must be in canonical form already: the path percent-encoded once, the query sorted by name, each with `=`.
public struct AWSSignature: Sendable, Hashable {
    public var accessKeyID: String
    public var secretAccessKey: String
    /// Of temporary credentials; sent and signed as `x-amz-security-token`.
    public var sessionToken: String?
    public var region: String
    /// The service's name in scopes, such as `s3` or `sts`.
    public var service: String

    public init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, region: String, service: String
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }
}

extension AWSSignature: CustomStringConvertible, CustomDebugStringConvertible {
    /// Everything but the secrets.
    public var description: String { "\(accessKeyID.prefix(4))… \(region)/\(service)" }
    public var debugDescription: String { description }
}
