import CurlClient
import JSONStream
import NIOConcurrencyHelpers
import NIOHTTP1
import ObjectStore
import Settings
import TestSupport
import Testing

/// Servers that fail, and puts whose outcome is open.
@Suite struct FaultTests {
    private let waits = NIOLockedValueBox<[Duration]>([])

    private func sender(attempts: Int = 4) throws -> RetryingSender {
        RetryingSender(
            try CurlClient(), policy: RetryPolicy(retries: attempts - 1, base: .milliseconds(100), cap: .seconds(5))
        ) { [waits] wait in
            waits.withLockedValue { $0.append(wait) }
        }
    }

    private func s3(_ server: LoopbackHTTPServer, attempts: Int = 4) throws -> any ObjectStore {
        let environment = ["AWS_ENDPOINT_URL": server.url]
        return S3ObjectStore(
            bucket: "bucket", prefix: "p", configuration: try S3Configuration(environment: Environment(environment)),
            credentials: RefreshedCredentials { () throws(CredentialError) in
                .init(AWSCredentials(accessKeyID: "id", secretAccessKey: "very-secret"), expiry: nil)
            }, sender: try sender(attempts: attempts))
    }

    private func googleCloud(_ server: LoopbackHTTPServer) throws -> any ObjectStore {
        GoogleCloudObjectStore(
            bucket: "bucket", prefix: "p",
            configuration: GoogleCloudConfiguration(environment: Environment(["STORAGE_EMULATOR_HOST": server.url])),
            tokens: nil, sender: try sender())
    }

    private func failure(_ store: any ObjectStore, _ condition: PutCondition? = nil) async -> ObjectStoreError? {
        do throws(ObjectStoreError) {
            if let condition {
                try await store.put("k", [1], contentType: "text/plain", if: condition)
            } else {
                _ = try await store.get("k")
            }
            return nil
        } catch {
            return error
        }
    }

    @Test("a read is tried again after every kind of failure", arguments: [500, 502, 503, 504, 429, 0, 1])
    func reads(_ fault: Int) async throws {
        let server = try await LoopbackHTTPServer { _, index in
            guard index < 3 else { return .text("content", headers: [("ETag", "\"e\"")]) }
            return switch fault {
            case 0: .close
            case 1: .cut(after: [1], announced: 100)
            default: .text("<Error><Code>InternalError</Code></Error>", status: fault)
            }
        }
        let object = try await s3(server).get("k")
        #expect(object?.bytes == Array("content".utf8))
        #expect(waits.withLockedValue { $0.count } == 3)
    }

    @Test("refusals are not tried again", arguments: [400, 403, 405, 501])
    func refusals(_ status: Int) async throws {
        let server = try await LoopbackHTTPServer { _, _ in .text("<Error><Code>Nope</Code></Error>", status: status) }
        let error = await failure(try s3(server))
        #expect(error?.reason == (status == 403 ? .accessDenied : .unexpectedAnswer))
        #expect(error?.description.contains("get s3://bucket/p/k") == true)
        #expect(error?.description.contains("Nope") == true)
        #expect(server.requests.count == 1)
    }

    @Test("a store that stays away is unavailable, and a put that may have been done has an unknown outcome")
    func exhausted() async throws {
        let down = try await LoopbackHTTPServer { _, _ in .text("", status: 503) }
        #expect(await failure(try s3(down), .always)?.reason == .unavailable)
        #expect(down.requests.count == 4)
        let broken = try await LoopbackHTTPServer { _, _ in .text("", status: 500) }
        #expect(await failure(try s3(broken), .always)?.reason == .outcomeUnknown)
        #expect(await failure(try s3(broken))?.reason == .unavailable)
        let mute = try await LoopbackHTTPServer { _, _ in .close }
        #expect(await failure(try s3(mute), .absent)?.reason == .outcomeUnknown)
    }

    @Test("a server's wish for a pause is kept to, up to the cap")
    func retryAfter() async throws {
        let server = try await LoopbackHTTPServer { _, index in
            index < 2
                ? .text("", status: 503, headers: [("Retry-After", index == 0 ? "2" : "600")])
                : .text("content", headers: [("ETag", "\"e\"")])
        }
        _ = try await s3(server).get("k")
        #expect(waits.withLockedValue { $0 } == [.seconds(2), .seconds(5)])
    }

    @Test("waits double, are spread by chance and never pass the cap")
    func backoff() {
        var generator = SeededGenerator(seed: 7)
        let policy = RetryPolicy(retries: 100, base: .milliseconds(100), cap: .seconds(5))
        for failures in 1..<70 {
            let waits = (0..<50).compactMap { _ in policy.delay(after: failures, retryAfter: nil, using: &generator) }
            let longest = min(Duration.seconds(5), .milliseconds(100) * (1 << min(failures - 1, 20)))
            #expect(waits.allSatisfy { $0 <= longest && $0 >= .zero })
            #expect(Set(waits).count > 40)
        }
    }

    /// A bucket with one object that keeps its conditions, and loses the first answer to a put.
    private final class LossyBucket: Sendable {
        let state = NIOLockedValueBox<(version: Int, putID: String?, body: [UInt8], isForeign: Bool)>(
            (0, nil, [], false))

        /// - Parameter isForeign: whether somebody else writes right after the put whose answer is lost.
        init(isForeign: Bool) { state.withLockedValue { $0.isForeign = isForeign } }

        func s3(_ request: LoopbackHTTPServer.Request, _ index: Int) -> LoopbackHTTPServer.Answer {
            state.withLockedValue { state in
                guard request.method == "PUT" else {
                    let id = state.putID.map { [("x-amz-meta-put-id", $0)] } ?? []
                    return .reply(200, headers: [("ETag", "\"\(state.version)\"")] + id, body: state.body)
                }
                let holds =
                    request.headers["if-none-match"] == ["*"]
                    ? state.version == 0 : request.headers["if-match"] == ["\"\(state.version)\""]
                guard holds else { return .text("<Error><Code>PreconditionFailed</Code></Error>", status: 412) }
                state = (state.version + 1, request.headers["x-amz-meta-put-id"].first, request.body, state.isForeign)
                guard index == 0 else { return .reply(200, headers: [("ETag", "\"\(state.version)\"")]) }
                if state.isForeign { state = (state.version + 1, "other", [9], true) }
                return .close
            }
        }
    }

    @Test("a conditional put whose answer was lost succeeds when the refusal of its repetition is its own doing")
    func ownWrite() async throws {
        let bucket = LossyBucket(isForeign: false)
        let server = try await LoopbackHTTPServer { bucket.s3($0, $1) }
        let store = try s3(server)
        let version = try await store.put("k", [1], contentType: "text/plain", if: .absent)
        #expect(version == ObjectVersion("\"1\""))
        #expect(server.requests.map(\.method) == ["PUT", "PUT", "GET"])
        let next = try await store.put("k", [2], contentType: "text/plain", if: .unchanged(version))
        #expect(next == ObjectVersion("\"2\""))
    }

    @Test("a conditional put whose answer was lost is refused when somebody else has written since")
    func foreignWrite() async throws {
        let bucket = LossyBucket(isForeign: true)
        let server = try await LoopbackHTTPServer { bucket.s3($0, $1) }
        #expect(await failure(try s3(server), .absent)?.reason == .preconditionFailed)
    }

    @Test("Cloud Storage gets generations as conditions, and finds its own write behind a refusal")
    func generations() async throws {
        let written = NIOLockedValueBox<String?>(nil)
        let server = try await LoopbackHTTPServer { request, index in
            guard request.method == "POST" else {
                let id = written.withLockedValue { $0 } ?? ""
                return .text("{\"generation\": \"42\", \"metadata\": {\"put-id\": \"\(id)\"}}")
            }
            guard index == 0 else { return .text("{\"error\": {\"message\": \"conditionNotMet\"}}", status: 412) }
            if let start = request.text.firstRange(of: "\"put-id\":\"") {
                written.withLockedValue { $0 = String(request.text[start.upperBound...].prefix { $0 != "\"" }) }
            }
            return .close
        }
        let store = try googleCloud(server)
        let version = try await store.put("a/b", [1, 2], contentType: "text/plain", if: .absent)
        #expect(version == ObjectVersion("42"))
        #expect(server.requests.map(\.method) == ["POST", "POST", "GET"])
        #expect(server.requests[0].target.contains("ifGenerationMatch=0&name=p%2Fa%2Fb&uploadType=multipart"))

        // The same refusal, and the object is somebody else's.
        written.withLockedValue { $0 = "other" }
        #expect(await failure(store, .unchanged(ObjectVersion("41")))?.reason == .preconditionFailed)
        #expect(server.requests[3].target.contains("ifGenerationMatch=41"))
        #expect(server.requests[4].target == "/storage/v1/b/bucket/o/p%2Fk")
    }

    @Test("expired credentials are replaced and the request is sent again")
    func expired() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            request.headers["authorization"].first?.contains("Credential=id2/") == true
                ? .text("content", headers: [("ETag", "\"e\"")])
                : .text("<Error><Code>ExpiredToken</Code></Error>", status: 400)
        }
        let loads = NIOLockedValueBox(0)
        let store = S3ObjectStore(
            bucket: "bucket", prefix: "",
            configuration: try S3Configuration(environment: Environment(["AWS_ENDPOINT_URL": server.url])),
            credentials: RefreshedCredentials { () throws(CredentialError) in
                let count = loads.withLockedValue { count in
                    count += 1
                    return count
                }
                return .init(AWSCredentials(accessKeyID: "id\(count)", secretAccessKey: "s"), expiry: nil)
            }, sender: try sender())
        let object = try await store.get("k")
        #expect(object?.bytes == Array("content".utf8))
        #expect(loads.withLockedValue { $0 } == 2)
        #expect(waits.withLockedValue { $0.isEmpty })
    }

    @Test("a listing that never ends is refused")
    func endlessListing() async throws {
        let page =
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>"
        let server = try await LoopbackHTTPServer { _, _ in .text(page) }
        do {
            _ = try await s3(server).list("")
            Issue.record("the listing ended")
        } catch {
            #expect((error as? ObjectStoreError)?.reason == .unexpectedAnswer)
        }
    }
}
