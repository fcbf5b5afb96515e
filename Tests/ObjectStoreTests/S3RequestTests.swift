import CurlClient
import Foundation
import NIOConcurrencyHelpers
import NIOHTTP1
import ObjectStore
import Settings
import TestSupport
import Testing

/// What goes over the wire to S3.
@Suite struct S3RequestTests {
    /// Recomputes the signature of a captured request with the SDK's own code.
    private static let verifier = """
        import json, sys
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        wanted = json.load(open(sys.argv[1]))
        for item in wanted:
            fields = dict(part.strip().split('=', 1) for part in item['authorization'].split(' ', 1)[1].split(','))
            signed = fields['SignedHeaders'].split(';')
            headers = {k: v for k, v in item['headers'].items() if k in signed}
            request = AWSRequest(method=item['method'], url=item['url'], headers=headers, data=bytes(item['body']))
            request.context['timestamp'] = item['headers']['x-amz-date']
            auth = S3SigV4Auth(Credentials('AKIDEXAMPLE', 'secret/+key', 'session+token='), 's3', 'eu-test-1')
            canonical = auth.canonical_request(request)
            to_sign = auth.string_to_sign(request, canonical)
            missing = [k for k in ('host', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token') if k not in signed]
            conditions = [k for k in ('if-match', 'if-none-match') if k in item['headers'] and k not in signed]
            print('ok' if auth.signature(to_sign, request) == fields['Signature'] and not missing and not conditions
                  else f'{item["url"]}: {missing} {conditions} {canonical!r}')
        """

    private struct Captured: Encodable {
        var method: String
        var url: String
        var headers: [String: String]
        var authorization: String
        var body: [UInt8]
    }

    private func store(_ server: LoopbackHTTPServer, _ environment: [String: String] = [:]) throws -> any ObjectStore {
        let variables = [
            "AWS_ENDPOINT_URL_S3": server.url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "secret/+key", "AWS_SESSION_TOKEN": "session+token=", "AWS_REGION": "eu-test-1",
        ]
        let location = try #require(try ObjectStoreLocation("s3://bucket/pre fix"))
        return try location.open(
            environment: Environment(variables.merging(environment) { $1 }), client: try CurlClient())
    }

    @Test("every request is signed as the SDK signs it", .enabled(if: PythonProcess.isInstalled))
    func signatures() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            request.target.contains("list-type")
                ? .text("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
                : .reply(200, headers: [("ETag", "\"e\"")])
        }
        let store = try store(server)
        for key in ["plain", "a b+c&d=e?f#g%20", "é/ü'(1)*!~", "a/../b/./c//d"] {
            _ = try await store.get(key)
            try await store.put(key, Array("content of \(key)".utf8), contentType: "text/plain", if: .always)
            try await store.put(key, [], contentType: "application/x-yaml; charset=utf-8", if: .absent)
            try await store.put(
                key, [UInt8](repeating: 7, count: 2_000_000), contentType: "text/plain",
                if: .unchanged(ObjectVersion("\"e\"")))
            try await store.delete(key)
        }
        _ = try await store.list("models/é &=+")

        let captured = server.requests.map { request in
            Captured(
                method: request.method, url: server.url + request.target,
                headers: Dictionary(
                    request.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { "\($0),\($1)" }),
                authorization: request.headers["authorization"].first ?? "", body: request.body)
        }
        #expect(captured.count == 21)
        let file = FileManager.default.temporaryDirectory.appending(path: "requests-\(UUID().uuidString).json")
        try JSONEncoder().encode(captured).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let printed = try await PythonProcess.run(Self.verifier, arguments: [file.path])
        #expect(printed.count == 21)
        for line in printed { #expect(line == "ok") }
    }

    @Test("buckets are addressed by host at AWS and by path elsewhere, unless told otherwise")
    func addressing() throws {
        func base(_ environment: [String: String], _ bucket: String = "bucket", _ region: String = "eu-west-1") throws
            -> String
        {
            try S3Configuration(environment: Environment(environment)).base(bucket: bucket, region: region)
        }
        #expect(try base([:]) == "https://bucket.s3.eu-west-1.amazonaws.com")
        #expect(try base([:], "my.bucket") == "https://s3.eu-west-1.amazonaws.com/my.bucket")
        #expect(try base([:], "bucket", "cn-north-1") == "https://bucket.s3.cn-north-1.amazonaws.com.cn")
        #expect(try base(["AWS_ENDPOINT_URL": "http://minio:9000/"]) == "http://minio:9000/bucket")
        #expect(
            try base(["AWS_ENDPOINT_URL": "http://minio:9000", "SIE_S3_ADDRESSING_STYLE": "virtual"])
                == "http://bucket.minio:9000")
        #expect(try base(["SIE_S3_ADDRESSING_STYLE": "path"]) == "https://s3.eu-west-1.amazonaws.com/bucket")
        #expect(throws: ObjectStoreError.self) { try base(["SIE_S3_ADDRESSING_STYLE": "odd"]) }
        #expect(try base(["AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"]) == "http://b/bucket")
    }

    @Test("a bucket in another region is found, once and for all")
    func region() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            let scope = request.headers["authorization"].first ?? ""
            return scope.contains("/ap-far-2/s3/")
                ? .text("content", headers: [("ETag", "\"e\"")])
                : .text(
                    "<Error><Code>AuthorizationHeaderMalformed</Code><Region>ap-far-2</Region></Error>", status: 400)
        }
        let store = try store(server)
        for _ in 0..<2 {
            let object = try await store.get("k")
            #expect(object?.bytes == Array("content".utf8))
        }
        #expect(server.requests.count == 3)
    }
}
