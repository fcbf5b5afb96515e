import CurlClient
import FoundationEssentials
import JSONStream

/// A bucket of Google Cloud Storage (JSON API, version 1). Versions are generation numbers.
package final class GoogleCloudObjectStore: ObjectStore {
    /// Marks each put, so that one whose answer was lost can be told from those of others.
    private static let putIDKey = "put-id"

    package let location: String
    private let bucket: String
    private let keys: KeyPrefix
    private let configuration: GoogleCloudConfiguration
    /// nil: nobody asks for a token.
    private let tokens: RefreshedCredentials<String>?
    private let sender: RetryingSender

    package init(
        bucket: String, prefix: String, configuration: GoogleCloudConfiguration,
        tokens: RefreshedCredentials<String>?, sender: RetryingSender
    ) {
        location = prefix.isEmpty ? "gs://\(bucket)" : "gs://\(bucket)/\(prefix)"
        self.bucket = bucket
        keys = KeyPrefix(prefix: prefix)
        self.configuration = configuration
        self.tokens = tokens
        self.sender = sender
    }

    // MARK: Operations

    package func get(_ key: String) async throws(ObjectStoreError) -> StoredObject? {
        let operation = operation("get", key)
        for _ in 0..<10 {
            let response = try await send("GET", operation, path: objectPath(key), query: ["alt": "media"]).response
            guard let generation = response.head["x-goog-generation"], response.status == 200 else {
                if response.status == 404, !Self.isBucketMissing(response) { return nil }
                guard response.status == 200 else { throw error(response, operation) }
                // Emulators leave the header out. Bytes and resource belong together where the resource has not changed
                // while the bytes came.
                guard let before = try await resource(key) else { return nil }
                let content = try await send("GET", operation, path: objectPath(key), query: ["alt": "media"]).response
                guard content.status == 200, try await resource(key)?.generation == before.generation else { continue }
                return StoredObject(bytes: content.body, version: ObjectVersion(before.generation))
            }
            return StoredObject(bytes: response.body, version: ObjectVersion(generation))
        }
        throw ObjectStoreError(.unavailable, operation: operation, "the object changes all the time")
    }

    package func put(
        _ key: String, _ bytes: [UInt8], contentType: String, if condition: PutCondition
    ) async throws(ObjectStoreError) -> ObjectVersion {
        let putID = UUID().uuidString
        let operation = operation("put", key)
        var query = ["uploadType": "multipart", "name": keys.full(key)]
        switch condition {
        case .always: break
        case .absent: query["ifGenerationMatch"] = "0"
        case .unchanged(let version): query["ifGenerationMatch"] = version.text
        }
        let resource: JSONValue = [
            "name": .string(keys.full(key)), "contentType": .string(contentType),
            "metadata": .object([JSONMember(Self.putIDKey, .string(putID))]),
        ]
        let boundary = "sie-\(putID)"
        var body = Array("--\(boundary)\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".utf8)
        body += JSONWriter.encode(resource)
        body += Array("\r\n--\(boundary)\r\nContent-Type: \(contentType)\r\n\r\n".utf8)
        body += bytes
        body += Array("\r\n--\(boundary)--\r\n".utf8)

        let answer = try await send(
            "POST", operation, path: "/upload/storage/v1/b/\(PercentEncoding.encode(bucket))/o", query: query,
            headers: [.init("content-type", "multipart/related; boundary=\(boundary)")], body: body)
        switch answer.response.status {
        case 200...299: return ObjectVersion(try Resource(answer.response, operation).generation)
        case 412:
            // See S3ObjectStore.put: any refusal may be due to this very put.
            if let found = try await self.resource(key), found.putID == putID { return ObjectVersion(found.generation) }
            throw ObjectStoreError(.preconditionFailed, operation: operation, "the object has changed")
        default: throw error(answer.response, operation)
        }
    }

    package func delete(_ key: String) async throws(ObjectStoreError) {
        let operation = operation("delete", key)
        let response = try await send("DELETE", operation, path: objectPath(key)).response
        guard (200...299).contains(response.status) || response.status == 404 && !Self.isBucketMissing(response) else {
            throw error(response, operation)
        }
    }

    package func list(_ prefix: String) async throws(ObjectStoreError) -> [ObjectSummary] {
        let operation = operation("list", prefix)
        var objects: [ObjectSummary] = []
        var token: String?
        repeat {
            var query = ["prefix": keys.full(prefix), "fields": "items(name,size,generation),nextPageToken"]
            query["pageToken"] = token
            let response = try await send(
                "GET", operation, path: "/storage/v1/b/\(PercentEncoding.encode(bucket))/o", query: query
            ).response
            guard response.status == 200 else { throw error(response, operation) }
            guard let page = try? JSONReader.decode(response.body), page.objectValue != nil else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the answer is no listing")
            }
            objects += (page["items"]?.arrayValue ?? []).compactMap(summary)
            let next = page["nextPageToken"]?.stringValue
            guard next == nil || next != token else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the listing does not go on")
            }
            token = next
        } while token != nil
        return objects.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    }

    private func summary(_ item: JSONValue) -> ObjectSummary? {
        guard let key = item["name"]?.stringValue.flatMap(keys.relative),
            let size = item["size"]?.stringValue.flatMap({ Int($0) }), let generation = item["generation"]?.stringValue
        else { return nil }
        return ObjectSummary(key: key, sizeBytes: size, version: ObjectVersion(generation))
    }

    // MARK: Requests

    /// What the service says about an object.
    private struct Resource {
        var generation: String
        var putID: String?

        init(_ response: CurlResponse, _ operation: String) throws(ObjectStoreError) {
            guard let json = try? JSONReader.decode(response.body), let generation = json["generation"]?.stringValue
            else {
                throw ObjectStoreError(.unexpectedAnswer, operation: operation, "the answer has no generation")
            }
            self.generation = generation
            putID = json["metadata"]?[GoogleCloudObjectStore.putIDKey]?.stringValue
        }
    }

    private func resource(_ key: String) async throws(ObjectStoreError) -> Resource? {
        let operation = operation("get", key)
        let response = try await send("GET", operation, path: objectPath(key)).response
        if response.status == 404, !Self.isBucketMissing(response) { return nil }
        guard response.status == 200 else { throw error(response, operation) }
        return try Resource(response, operation)
    }

    private func objectPath(_ key: String) -> String {
        "/storage/v1/b/\(PercentEncoding.encode(bucket))/o/\(PercentEncoding.encode(keys.full(key)))"
    }

    private func send(
        _ method: String, _ operation: String, path: String, query: [String: String] = [:],
        headers: [CurlRequest.Header] = [], body: [UInt8]? = nil
    ) async throws(ObjectStoreError) -> RetryingSender.Answer {
        let query = query.isEmpty ? "" : "?\(PercentEncoding.query(query))"
        return try await sender.send(operation, changes: method != "GET") { response in
            guard response.status == 401, let tokens else { return .final }
            await tokens.invalidate()
            return .corrected
        } _: { () throws(ObjectStoreError) in
            var headers = headers
            if let tokens { headers.append(.init("Authorization", "Bearer \(try await token(tokens, operation))")) }
            return CurlRequest(
                method, "\(configuration.endpoint)\(path)\(query)", headers: headers, body: body,
                timeouts: CurlTimeouts(connect: .seconds(5), total: .seconds(120), idle: .seconds(20)))
        }
    }

    private func token(
        _ tokens: RefreshedCredentials<String>, _ operation: String
    ) async throws(ObjectStoreError) -> String {
        do throws(CredentialError) {
            return try await tokens.current()
        } catch {
            throw ObjectStoreError(.accessDenied, operation: operation, "no Google Cloud credentials: \(error)")
        }
    }

    // MARK: Errors

    private func operation(_ verb: String, _ key: String) -> String { "\(verb) gs://\(bucket)/\(keys.full(key))" }

    /// Of a 404: whether the bucket is missing rather than the object.
    private static func isBucketMissing(_ response: CurlResponse) -> Bool {
        message(response)?.contains("specified bucket does not exist") ?? false
    }

    private static func message(_ response: CurlResponse) -> String? {
        (try? JSONReader.decode(response.body))?["error"]?["message"]?.stringValue
    }

    private func error(_ response: CurlResponse, _ operation: String) -> ObjectStoreError {
        let reason: ObjectStoreError.Reason =
            switch response.status {
            case 401, 403: .accessDenied
            case 404: .misconfigured
            default: .unexpectedAnswer
            }
        let text = Self.message(response) ?? RetryingSender.excerpt(response)
        return ObjectStoreError(reason, operation: operation, "Cloud Storage answers \(response.status) \(text)")
    }
}
