import NATSClient
import NIOCore

/// An election over a key of a NATS key-value bucket: who creates the key holds it, the bucket lets it expire, and a
/// renewal must name the revision before it.
final class NATSElection: WriterElection {
    private let connection: NATSConnection
    private let bucket: String
    private let holder: String
    private let lease: Duration

    /// - Parameters:
    ///   - bucket: the bucket's name, which all replicas share.
    ///   - holder: who this replica is, for people who look at the key.
    init(connection: NATSConnection, bucket: String, holder: String, lease: Duration) {
        self.connection = connection
        self.bucket = bucket
        self.holder = holder
        self.lease = lease
    }

    private var stream: String { "KV_\(bucket)" }
    private var key: String { "$KV.\(bucket).writer" }

    func acquire() async throws -> UInt64? {
        try await prepare()
        return try await write(expecting: 0)
    }

    func renew(_ term: UInt64) async throws -> UInt64? { try await write(expecting: term) }

    func resign(_ term: UInt64) async {
        try? await connection.jetStream.deleteMessage(stream: stream, sequence: term)
    }

    private func write(expecting revision: UInt64) async throws -> UInt64? {
        let headers = Self.headers(expecting: revision)
        do throws(NATSError) {
            let written = try await connection.jetStream.publish(
                key, payload: ByteBuffer(string: holder), headers: headers)
            return written.sequence
        } catch {
            guard case .jetStream(let refusal) = error, refusal.errorCode == JetStreamAPIError.wrongLastSequence else {
                throw error
            }
            return nil
        }
    }

    private static func headers(expecting revision: UInt64) -> NATSHeaders {
        var headers = NATSHeaders()
        headers["Nats-Expected-Last-Subject-Sequence"] = String(revision)
        return headers
    }

    /// Makes the bucket, if it is not there, as a key-value store with one value for each key. One that is there counts
    /// as it is: with more replicas, or with keys that live longer.
    private func prepare() async throws {
        var configuration = StreamConfiguration(name: stream, subjects: ["$KV.\(bucket).>"])
        configuration.maxMessagesPerSubject = 1
        configuration.maxAge = lease
        configuration.allowsDirectGet = true
        configuration.description = "The replica of sie-config that writes"
        let info = try await connection.jetStream.ensureStream(configuration)
        guard let age = info.config.maxAge, age >= lease else { throw BucketError(bucket: bucket, lease: lease) }
    }
}

/// A bucket whose keys never expire, or sooner than this replica counts on.
struct BucketError: Error, CustomStringConvertible {
    let bucket: String
    let lease: Duration

    var description: String {
        "the keys of bucket '\(bucket)' must expire, and not before \(lease); delete it, or change SIE_CONFIG_HA_LEASE_SECONDS"
    }
}
