import Crypto
import CurlClient
import FoundationEssentials
import Synchronization

/// A bucket of S3, or of a service that speaks its protocol (REST API, Signature Version 4).
package final class S3ObjectStore: ObjectStore {
    /// Marks each put, so that one whose answer was lost can be told from those of others.
    private static let putIDHeader = "x-amz-meta-put-id"

    package let location: String
    private let bucket: String
    private let keys: KeyPrefix
    private let configuration: S3Configuration
    private let credentials: RefreshedCredentials<AWSCredentials>
    private let sender: RetryingSender
    /// Where the bucket turned out to be.
    private let region: Mutex<String>

    package init(
        bucket: String, prefix: String, configuration: S3Configuration,
        credentials: RefreshedCredentials<AWSCredentials>, sender: RetryingSender
    ) {
        location = prefix.isEmpty ? "s3://\(bucket)" : "s3://\(bucket)/\(prefix)"
        self.bucket = bucket
        keys = KeyPrefix(prefix: prefix)
        self.configuration = configuration
        self.credentials = credentials
        self.sender = sender
        region = Mutex(configuration.region)
    }

    // MARK: Operations

    package func get(_ key: String) async throws(ObjectStoreError) -> StoredObject? {
        try await read(key)?.object
    }

    package func put(
        _ key: String, _ bytes: [UInt8], contentType: String, if condition: PutCondition
    ) async throws(ObjectStoreError) -> ObjectVersion {
        let putID = UUID().uuidString
        var headers = [CurlRequest.Header("content-type", contentType), .init(Self.putIDHeader, putID)]
        switch condition {
        case .always: break
        case .absent: headers.append(.init("if-none-match", "*"))
        case .unchanged(let version): headers.append(.init("if-match", version.text))
        }
        let operation = operation("put", key)
        let answer = try await send("PUT", operation, path: keys.full(key), headers: headers, body: bytes)
        switch answer.response.status {
        case 200...299:
            guard let version = Self.version(answer.response.head) else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the answer has no ETag")
            }
            return version
        case 404 where Self.errorCode(answer.response) != "NoSuchBucket" && condition != .always:
            throw ObjectStoreError(.preconditionFailed, operation: operation, "there is no such object any more")
        case 409 where Self.errorCode(answer.response) == "ConditionalRequestConflict", 412:
            // The connection may have been lost after the store had written, and libcurl repeats a request by itself on
            // a connection that turns out to be closed; so any refusal may be due to this very put.
            if let found = try await read(key), found.head[Self.putIDHeader] == putID { return found.object.version }
            throw ObjectStoreError(.preconditionFailed, operation: operation, "the object has changed")
        default:
            throw error(answer.response, operation)
        }
    }

    package func delete(_ key: String) async throws(ObjectStoreError) {
        let operation = operation("delete", key)
        let answer = try await send("DELETE", operation, path: keys.full(key))
        guard (200...299).contains(answer.response.status) || Self.errorCode(answer.response) == "NoSuchKey" else {
            throw error(answer.response, operation)
        }
    }

    package func list(_ prefix: String) async throws(ObjectStoreError) -> [ObjectSummary] {
        let operation = operation("list", prefix)
        var objects: [ObjectSummary] = []
        var token: String?
        repeat {
            var query = ["list-type": "2", "encoding-type": "url", "prefix": keys.full(prefix)]
            query["continuation-token"] = token
            let answer = try await send("GET", operation, path: "", query: query)
            guard answer.response.status == 200 else { throw error(answer.response, operation) }
            guard let page = XMLTree(answer.response.body), page.name == "ListBucketResult" else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the answer is no listing")
            }
            objects += page.all("Contents").compactMap(summary)
            let next = page["IsTruncated"]?.text == "true" ? page["NextContinuationToken"]?.text : nil
            guard next == nil || next != token else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the listing does not go on")
            }
            token = next
        } while token != nil
        return objects.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    private func summary(_ entry: XMLTree) -> ObjectSummary? {
        guard let full = entry["Key"].flatMap({ PercentEncoding.decode($0.text) }), let key = keys.relative(full),
            let size = entry["Size"].flatMap({ Int($0.text) }), let tag = entry["ETag"]?.text
        else { return nil }
        return ObjectSummary(key: key, sizeBytes: size, version: Self.version(tag))
    }

    private func read(
        _ key: String
    ) async throws(ObjectStoreError) -> (object: StoredObject, head: CurlResponseHead)? {
        let operation = operation("get", key)
        let response = try await send("GET", operation, path: keys.full(key)).response
        if response.status == 404, Self.errorCode(response) != "NoSuchBucket" { return nil }
        guard response.status == 200, let version = Self.version(response.head) else {
            throw error(response, operation)
        }
        return (StoredObject(bytes: response.body, version: version), response.head)
    }

    /// Entity tags in their quoted form, which is the one that conditions want.
    private static func version(_ tag: String) -> ObjectVersion {
        ObjectVersion(tag.hasSuffix("\"") ? tag : "\"\(tag)\"")
    }

    private static func version(_ head: CurlResponseHead) -> ObjectVersion? {
        head["etag"].map { version($0) }
    }

    // MARK: Requests

    private func send(
        _ method: String, _ operation: String, path: String, query: [String: String] = [:],
        headers: [CurlRequest.Header] = [], body: [UInt8]? = nil
    ) async throws(ObjectStoreError) -> RetryingSender.Answer {
        let path = PercentEncoding.encode(path, keepsSlashes: true)
        let query = query.isEmpty ? "" : "?\(PercentEncoding.query(query))"
        // S3 wants it in every request; libcurl sends it by itself only since 8.0, and signs with it if it is there.
        let digest = SHA256.hash(data: body ?? [])
        let headers = headers + [.init("x-amz-content-sha256", Self.hexadecimal(digest))]
        return try await sender.send(operation, changes: method != "GET") { response in
            await judge(response)
        } _: { () throws(ObjectStoreError) in
            let region = region.withLock { $0 }
            let url = "\(configuration.base(bucket: bucket, region: region))/\(path)\(query)"
            return CurlRequest(
                method, url, headers: headers, body: body,
                timeouts: CurlTimeouts(connect: .seconds(5), total: .seconds(120), idle: .seconds(20)),
                awsSignature: try await signature(operation, region: region))
        }
    }

    private static func hexadecimal(_ digest: SHA256.Digest) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    private func signature(_ operation: String, region: String) async throws(ObjectStoreError) -> AWSSignature {
        do throws(CredentialError) {
            let credentials = try await credentials.current()
            return AWSSignature(
                accessKeyID: credentials.accessKeyID, secretAccessKey: credentials.secretAccessKey,
                sessionToken: credentials.sessionToken, region: region, service: "s3")
        } catch {
            throw ObjectStoreError(.accessDenied, operation: operation, "no AWS credentials: \(error)")
        }
    }

    /// Puts right what an answer complains about: another region, credentials that have expired.
    private func judge(_ response: CurlResponse) async -> RetryingSender.Verdict {
        guard response.status >= 300, response.status != 404, response.status != 412 else { return .final }
        if let found = response.head["x-amz-bucket-region"] ?? XMLTree(response.body)?["Region"]?.text,
            [301, 307, 400].contains(response.status), Self.isRegion(found),
            region.withLock({ region in
                defer { region = found }
                return region != found
            })
        {
            return .corrected
        }
        switch Self.errorCode(response) {
        case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken":
            await credentials.invalidate()
            return .corrected
        case "RequestTimeout", "SlowDown", "OperationAborted": return .later
        default: return .final
        }
    }

    /// Regions become part of host names.
    private static func isRegion(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
            }
    }

    // MARK: Errors

    private func operation(_ verb: String, _ key: String) -> String { "\(verb) s3://\(bucket)/\(keys.full(key))" }

    /// The `Code` of an error's XML; empty where there is none.
    private static func errorCode(_ response: CurlResponse) -> String {
        XMLTree(response.body)?["Code"]?.text ?? ""
    }

    private func error(_ response: CurlResponse, _ operation: String) -> ObjectStoreError {
        let code = Self.errorCode(response)
        let message = XMLTree(response.body)?["Message"]?.text ?? RetryingSender.excerpt(response)
        let reason: ObjectStoreError.Reason =
            switch (response.status, code) {
            case (_, "NoSuchBucket"), (301, _), (307, _): .misconfigured
            case (401, _), (403, _): .accessDenied
            default: .unexpectedAnswer
            }
        let text = [String(response.status), code, message].filter { !$0.isEmpty }.joined(separator: " ")
        return ObjectStoreError(reason, operation: operation, "S3 answers \(text)")
    }
}
