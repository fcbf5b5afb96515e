import CurlClient
import Settings

/// Where objects are: `s3://bucket[/prefix]` or `gs://bucket[/prefix]`.
public enum ObjectStoreLocation: Sendable, Hashable {
    case s3(bucket: String, prefix: String)
    case googleCloud(bucket: String, prefix: String)

    /// Reads a location; slashes at the end of the prefix do not count.
    ///
    /// - Returns: nil where the text has another scheme or none, and so names a directory.
    /// - Throws: `misconfigured` where there is no usable bucket.
    public init?(_ text: String) throws(ObjectStoreError) {
        let scheme = ["s3://", "gs://"].first { text.utf8.starts(with: $0.utf8) }
        guard let scheme else { return nil }
        let parts = text.dropFirst(scheme.count).split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let bucket = String(parts[0])
        guard (3...222).contains(bucket.utf8.count), bucket.utf8.allSatisfy(Self.isAllowedInBuckets) else {
            throw ObjectStoreError(
                .misconfigured, operation: "open \(text)", "'\(bucket)' is no bucket name; write \(scheme)BUCKET/PREFIX"
            )
        }
        var prefix = parts.count > 1 ? parts[1] : ""
        while prefix.hasSuffix("/") { prefix.removeLast() }
        self =
            scheme == "s3://"
            ? .s3(bucket: bucket, prefix: String(prefix)) : .googleCloud(bucket: bucket, prefix: String(prefix))
    }

    /// This location, or a prefix in the bucket where it names the bucket alone.
    public func withDefaultPrefix(_ prefix: String) -> ObjectStoreLocation {
        switch self {
        case .s3(let bucket, ""): .s3(bucket: bucket, prefix: prefix)
        case .googleCloud(let bucket, ""): .googleCloud(bucket: bucket, prefix: prefix)
        default: self
        }
    }

    private static func isAllowedInBuckets(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
            UInt8(ascii: "."), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    /// The store there, with the credentials that the environment leads to. Nothing is sent yet.
    ///
    /// - Parameters:
    ///   - environment: the process's variables, as the SDKs of both clouds know them.
    ///   - client: what sends the requests.
    public func open(
        environment: Environment, client: CurlClient
    ) throws(ObjectStoreError) -> any ObjectStore {
        switch self {
        case .s3(let bucket, let prefix):
            S3ObjectStore(
                bucket: bucket, prefix: prefix, configuration: try S3Configuration(environment: environment),
                credentials: AWSCredentialChain(environment: environment, client: client).credentials,
                sender: RetryingSender(client))
        case .googleCloud(let bucket, let prefix):
            GoogleCloudObjectStore(
                bucket: bucket, prefix: prefix, configuration: GoogleCloudConfiguration(environment: environment),
                tokens: try GoogleCredentials(environment: environment, client: client).tokens,
                sender: RetryingSender(client))
        }
    }
}

/// Keys below a prefix.
struct KeyPrefix: Sendable {
    let prefix: String

    /// The object's key in its bucket.
    func full(_ key: String) -> String { prefix.isEmpty ? key : "\(prefix)/\(key)" }

    /// The key below the prefix; nil for objects elsewhere.
    func relative(_ key: String) -> String? {
        guard !prefix.isEmpty else { return key }
        let base = "\(prefix)/"
        guard key.utf8.starts(with: base.utf8) else { return nil }
        return String(decoding: key.utf8.dropFirst(base.utf8.count), as: UTF8.self)
    }
}
