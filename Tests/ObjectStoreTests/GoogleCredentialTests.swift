import Crypto
import CryptoExtras
import CurlClient
import Foundation
import JSONStream
import NIOHTTP1
import ObjectStore
import Settings
import TestSupport
import Testing

/// Where access tokens of Google Cloud come from.
@Suite struct GoogleCredentialTests {
    private func credentials(_ environment: [String: String]) throws -> GoogleCredentials {
        try GoogleCredentials(
            environment: Environment(["HOME": "/nonexistent"].merging(environment) { $1 }), client: try CurlClient(),
            now: { Date(timeIntervalSince1970: 1_800_000_000) })
    }

    private func file(_ json: JSONValue) throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "google-\(UUID().uuidString).json")
        try Data(JSONWriter.encode(json)).write(to: url)
        return url.path
    }

    private func form(_ text: String) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: text.split(separator: "&").map { pair in
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), PercentEncoding.decode(parts[1]) ?? "")
            })
    }

    private func decoded(_ base64URL: Substring) throws -> Data {
        var text = base64URL.replacing("-", with: "+").replacing("_", with: "/")
        while text.count % 4 != 0 { text += "=" }
        return try #require(Data(base64Encoded: String(text)))
    }

    @Test("a service account signs an assertion that its public key verifies, and gets a token for it")
    func serviceAccount() async throws {
        let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
        let server = try await LoopbackHTTPServer { _, _ in
            .text(#"{"access_token":"token","expires_in":3599,"token_type":"Bearer"}"#)
        }
        let path = try file([
            "type": "service_account", "client_email": "sie@project.iam", "private_key_id": "kid",
            "private_key": .string(key.pkcs8PEMRepresentation), "token_uri": .string("\(server.url)/token"),
        ])
        defer { try? FileManager.default.removeItem(atPath: path) }
        let lease = try await credentials(["GOOGLE_APPLICATION_CREDENTIALS": path]).load()
        #expect(lease.value == "token")
        #expect(lease.expiry == Date(timeIntervalSince1970: 1_800_003_599))

        let sent = form(try #require(server.requests.first).text)
        #expect(sent["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer")
        let parts = try #require(sent["assertion"]).split(separator: ".")
        #expect(parts.count == 3)
        #expect(try JSONReader.decode(Array(decoded(parts[0]))) == ["alg": "RS256", "typ": "JWT", "kid": "kid"])
        #expect(
            try JSONReader.decode(Array(decoded(parts[1]))) == [
                "iss": "sie@project.iam", "scope": "https://www.googleapis.com/auth/devstorage.read_write",
                "aud": .string("\(server.url)/token"), "iat": 1_800_000_000, "exp": 1_800_003_600,
            ])
        let signature = _RSA.Signing.RSASignature(rawRepresentation: try decoded(parts[2]))
        #expect(
            key.publicKey.isValidSignature(
                signature, for: Data("\(parts[0]).\(parts[1])".utf8), padding: .insecurePKCS1v1_5))
    }

    @Test("the metadata server gives tokens to workloads without a file")
    func metadata() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            request.headers["metadata-flavor"] == ["Google"]
                && request.path == "/computeMetadata/v1/instance/service-accounts/default/token"
                ? .text(#"{"access_token":"m","expires_in":100}"#) : .text("", status: 403)
        }
        let lease = try await credentials(["GCE_METADATA_HOST": "127.0.0.1:\(server.port)"]).load()
        #expect(lease.value == "m")
    }

    @Test("a user's refresh token and a federated identity are exchanged")
    func exchanges() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            switch request.path {
            case "/impersonate":
                request.headers["authorization"] == ["Bearer federated"]
                    ? .text(#"{"accessToken":"impersonated","expireTime":"2030-01-02T03:04:05Z"}"#)
                    : .text("", status: 403)
            case "/sts": .text(#"{"access_token":"federated","expires_in":10}"#)
            default: .text(#"{"access_token":"user","expires_in":10}"#)
            }
        }
        let user = try file([
            "type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r",
            "token_uri": .string("\(server.url)/user"),
        ])
        let subject = try file(["id": "subject-token"])
        let federation = try file([
            "type": "external_account", "audience": "//iam/a", "token_url": .string("\(server.url)/sts"),
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "service_account_impersonation_url": .string("\(server.url)/impersonate"),
            "credential_source": [
                "file": .string(subject), "format": ["type": "json", "subject_token_field_name": "id"],
            ],
        ])
        defer { for path in [user, subject, federation] { try? FileManager.default.removeItem(atPath: path) } }
        #expect(try await credentials(["GOOGLE_APPLICATION_CREDENTIALS": user]).load().value == "user")
        #expect(form(server.requests[0].text)["refresh_token"] == "r")
        #expect(try await credentials(["GOOGLE_APPLICATION_CREDENTIALS": federation]).load().value == "impersonated")
        #expect(form(server.requests[1].text)["subject_token"] == "subject-token")
    }

    @Test("a refusal names the service and its reason; files that are no credentials name themselves")
    func refusals() async throws {
        let server = try await LoopbackHTTPServer { _, _ in
            .text(#"{"error":"invalid_grant","error_description":"Token has been revoked"}"#, status: 400)
        }
        let user = try file([
            "type": "authorized_user", "client_id": "i", "client_secret": "very-secret", "refresh_token": "very-secret",
            "token_uri": .string(server.url),
        ])
        let odd = try file(["type": "odd"])
        defer { for path in [user, odd] { try? FileManager.default.removeItem(atPath: path) } }
        do {
            _ = try await credentials(["GOOGLE_APPLICATION_CREDENTIALS": user]).load()
            Issue.record("no failure")
        } catch {
            #expect("\(error)".contains("invalid_grant: Token has been revoked"))
            #expect(!"\(error)".contains("very-secret"))
        }
        for path in [odd, "/nonexistent/file"] {
            do {
                _ = try credentials(["GOOGLE_APPLICATION_CREDENTIALS": path])
                Issue.record("no failure")
            } catch {
                #expect("\(error)".contains(path))
            }
        }
    }

    @Test("requests carry the token, and one that is refused is replaced")
    func bearer() async throws {
        let tokens = try await LoopbackHTTPServer { _, index in
            .text(#"{"access_token":"t\#(index)","expires_in":3600}"#)
        }
        let storage = try await LoopbackHTTPServer { request, _ in
            request.headers["authorization"] == ["Bearer t1"]
                ? .text("content", headers: [("x-goog-generation", "7")]) : .text("", status: 401)
        }
        var configuration = GoogleCloudConfiguration(environment: Environment([:]))
        #expect(configuration.endpoint == "https://storage.googleapis.com")
        configuration.endpoint = storage.url
        let store = GoogleCloudObjectStore(
            bucket: "bucket", prefix: "", configuration: configuration,
            tokens: try credentials(["GCE_METADATA_HOST": "127.0.0.1:\(tokens.port)"]).tokens,
            sender: RetryingSender(try CurlClient()))
        for _ in 0..<2 {
            let object = try await store.get("k")
            #expect(object == StoredObject(bytes: Array("content".utf8), version: ObjectVersion("7")))
        }
        #expect(tokens.requests.count == 2)
    }
}
