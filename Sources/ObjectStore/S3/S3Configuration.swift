import Settings

/// Where S3 is and how buckets are addressed.
package struct S3Configuration: Sendable, Hashable {
    /// How a bucket's name is written into URLs.
    package enum Addressing: String, Sendable, Hashable {
        /// `https://host/bucket/key`
        case path
        /// `https://bucket.host/key`
        case virtual
    }

    /// Another service's URL, without a slash at its end; nil for AWS itself.
    package var endpoint: String?
    package var region: String
    /// nil: by path at other endpoints and for buckets with dots, which no certificate covers; else virtual.
    package var addressing: Addressing?

    /// Reads `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, `AWS_REGION`, `AWS_DEFAULT_REGION`, the region of the profile in
    /// the shared configuration file, and `SIE_S3_ADDRESSING_STYLE` (`path` or `virtual`).
    package init(environment: Environment) throws(ObjectStoreError) {
        endpoint = (environment.string("AWS_ENDPOINT_URL_S3") ?? environment.string("AWS_ENDPOINT_URL"))
            .map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        region = Self.region(environment)
        if let style = environment.string("SIE_S3_ADDRESSING_STYLE") {
            guard let addressing = Addressing(rawValue: style) else {
                throw ObjectStoreError(
                    .misconfigured, operation: "configure S3",
                    "SIE_S3_ADDRESSING_STYLE is '\(style)', but must be path or virtual")
            }
            self.addressing = addressing
        }
    }

    /// The region that requests start in; S3 names the right one where a bucket is elsewhere.
    static func region(_ environment: Environment) -> String {
        environment.string("AWS_REGION") ?? environment.string("AWS_DEFAULT_REGION")
            ?? (try? AWSProfile(environment: environment))?.region ?? "us-east-1"
    }

    /// The URL of a bucket, without a slash at its end.
    package func base(bucket: String, region: String) -> String {
        let isPath = addressing.map { $0 == .path } ?? (endpoint != nil || bucket.contains("."))
        let suffix = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let service = endpoint ?? "https://s3.\(region).\(suffix)"
        guard !isPath, let scheme = service.firstRange(of: "://") else { return "\(service)/\(bucket)" }
        return "\(service[..<scheme.upperBound])\(bucket).\(service[scheme.upperBound...])"
    }
}
