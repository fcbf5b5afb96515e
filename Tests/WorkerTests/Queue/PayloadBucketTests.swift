import CurlClient
import Logging
import ObjectStore
import ServiceLifecycle
import Settings
import TestSupport
import Testing
import Worker

@Suite("Items in a bucket", .timeLimit(.minutes(1)))
struct PayloadBucketTests {
    private func read(_ bucket: PayloadBucket, _ reference: String) async -> Result<[UInt8], PayloadFailure> {
        await withCheckedContinuation { continuation in
            bucket.read(reference) { continuation.resume(returning: $0) }
        }
    }

    @Test(
        "an item is read whole; one that is not there, or not below the prefix, is not",
        arguments: [
            ObjectStorageProcess.Kind.s3, .googleCloud,
        ])
    func read(_ kind: ObjectStorageProcess.Kind) async throws {
        let server = try await ObjectStorageProcess(kind)
        let environment = Environment(server.environment)
        let location = try #require(try ObjectStoreLocation(server.location("")))
        let store = try location.withDefaultPrefix("payloads").open(environment: environment, client: try CurlClient())
        let bucket = PayloadBucket(store)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: bucket)], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            // As a gateway puts it there: below `payloads`, where the location names the bucket alone.
            let root = try location.open(environment: environment, client: try CurlClient())
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            try await root.put("payloads/r_0.bin", bytes, contentType: "application/x-msgpack", if: .always)
            try await root.put("secret", [1], contentType: "text/plain", if: .always)
            // More at once than are read at once.
            await withTaskGroup(of: Bool.self) { readers in
                for _ in 0..<(2 * PayloadBucket.concurrentReads) {
                    readers.addTask { await read(bucket, "r_0.bin") == .success(bytes) }
                }
                for await isWhole in readers { #expect(isWhole) }
            }
            #expect(await read(bucket, "none.bin") == .failure(.missing))
            for reference in ["../secret", "", "/secret", "a//b", "."] {
                #expect(await read(bucket, reference) == .failure(.outside), "\(reference)")
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(await read(bucket, "r_0.bin") == .failure(.unavailable(reason: "shutting down")))
    }
}
