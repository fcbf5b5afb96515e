import CurlClient
import ObjectStore
import Settings

/// Payloads as objects of a bucket on S3 or Google Cloud Storage, which gateways and workers share.
package struct BucketPayloadStore: PayloadStore {
    private let store: any ObjectStore

    package init(_ store: any ObjectStore) {
        self.store = store
    }

    /// The store at a location such as `s3://bucket/prefix`.
    ///
    /// - Parameter environment: leads to the credentials, as the SDKs of both clouds know it.
    /// - Returns: nil where the text names a directory.
    /// - Throws: `ObjectStoreError`, `CurlError` where the location or the credentials cannot be used.
    package init?(_ location: String, environment: Environment) throws {
        guard let location = try ObjectStoreLocation(location) else { return nil }
        store = try location.withDefaultPrefix(PayloadKey.defaultBucketPrefix)
            .open(environment: environment, client: try CurlClient())
    }

    package func put(_ bytes: [UInt8], key: String) async throws(PayloadStoreError) {
        guard PayloadKey.isValid(key) else { throw .invalidKey(key) }
        do throws(ObjectStoreError) {
            try await store.put(key, bytes, contentType: "application/x-msgpack", if: .always)
        } catch {
            throw .failed(path: "\(store.location)/\(key)", reason: error.description)
        }
    }

    package func delete(key: String) async throws(PayloadStoreError) {
        guard PayloadKey.isValid(key) else { throw .invalidKey(key) }
        do throws(ObjectStoreError) {
            try await store.delete(key)
        } catch {
            throw .failed(path: "\(store.location)/\(key)", reason: error.description)
        }
    }
}
