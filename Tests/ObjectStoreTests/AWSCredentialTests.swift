import CurlClient
import Foundation
import NIOConcurrencyHelpers
import NIOHTTP1
import ObjectStore
import Settings
import TestSupport
import Testing

/// Where credentials of AWS come from.
@Suite struct AWSCredentialTests {
    /// Variables that keep a search away from this machine's own files and addresses.
    private let nowhere = ["HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"]

    private func load(_ environment: [String: String]) async throws -> AWSCredentialChain.Lease {
        try await AWSCredentialChain(
            environment: Environment(nowhere.merging(environment) { $1 }), client: try CurlClient()
        ).load()
    }

    private func failure(_ environment: [String: String]) async -> String {
        do {
            _ = try await load(environment)
            return "no failure"
        } catch {
            return "\(error)"
        }
    }

    private func file(_ text: String) throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: "aws-\(UUID().uuidString)")
        try Data(text.utf8).write(to: url)
        return url.path
    }

    @Test("the environment comes first, its session token included")
    func environment() async throws {
        let lease = try await load([
            "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
            "AWS_PROFILE": "missing",
        ])
        #expect(lease.value == AWSCredentials(accessKeyID: "id", secretAccessKey: "secret", sessionToken: "token"))
        #expect(lease.expiry == nil)
        #expect(!"\(lease.value) \(String(reflecting: lease.value))".contains("secret"))
    }

    @Test("profiles of the shared files are read, the credentials file before the configuration")
    func profiles() async throws {
        let credentials = try file(
            """
            # comment
            [default]
            aws_access_key_id = one
            aws_secret_access_key=a=b
            [ work ]
            AWS_ACCESS_KEY_ID = two
            """)
        let configuration = try file(
            """
            [profile work]
            region = eu-central-9
            aws_secret_access_key = from-config
            s3 =
              aws_access_key_id = nested
            [default]
            region=us-west-9
            """)
        defer {
            try? FileManager.default.removeItem(atPath: credentials)
            try? FileManager.default.removeItem(atPath: configuration)
        }
        var environment = ["AWS_SHARED_CREDENTIALS_FILE": credentials, "AWS_CONFIG_FILE": configuration]
        #expect(try await load(environment).value == AWSCredentials(accessKeyID: "one", secretAccessKey: "a=b"))
        #expect(try S3Configuration(environment: Environment(environment)).region == "us-west-9")
        environment["AWS_PROFILE"] = "work"
        #expect(try await load(environment).value == AWSCredentials(accessKeyID: "two", secretAccessKey: "from-config"))
        #expect(try S3Configuration(environment: Environment(environment)).region == "eu-central-9")
        environment["AWS_PROFILE"] = "absent"
        #expect(await failure(environment).contains("'absent'"))
    }

    @Test("a web identity is exchanged at a real token service")
    func webIdentity() async throws {
        let server = try await ObjectStorageProcess(.s3)
        let token = try file("a.web.token\n")
        defer { try? FileManager.default.removeItem(atPath: token) }
        let lease = try await load([
            "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/sie",
            "AWS_ENDPOINT_URL": server.url,
        ])
        #expect(lease.value.accessKeyID.hasPrefix("ASIA"))
        #expect(lease.value.sessionToken?.isEmpty == false)
        let expiry = try #require(lease.expiry)
        #expect(expiry.timeIntervalSinceNow > 600 && expiry.timeIntervalSinceNow < 7200)
    }

    @Test("a token service's refusal names its code and no token")
    func webIdentityRefused() async throws {
        let server = try await LoopbackHTTPServer { _, _ in
            .text("<ErrorResponse><Error><Code>ExpiredTokenException</Code></Error></ErrorResponse>", status: 400)
        }
        let token = try file("very-secret")
        defer { try? FileManager.default.removeItem(atPath: token) }
        let text = await failure([
            "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ROLE_ARN": "arn:role", "AWS_ENDPOINT_URL_STS": server.url,
        ])
        #expect(text.contains("ExpiredTokenException") && text.contains("arn:role"))
        #expect(!text.contains("very-secret"))
        #expect(server.requests.first?.text.contains("WebIdentityToken=very-secret") == true)
        #expect(server.requests.first?.headers["authorization"] == [])
    }

    @Test("a container's endpoint gets its token and gives temporary credentials")
    func container() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            request.headers["authorization"] == ["pod-token"]
                ? .text(
                    #"{"AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-02T03:04:05Z"}"#)
                : .text("{}", status: 401)
        }
        let token = try file("pod-token\n")
        defer { try? FileManager.default.removeItem(atPath: token) }
        let lease = try await load([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/v1/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
        ])
        #expect(lease.value == AWSCredentials(accessKeyID: "id", secretAccessKey: "s", sessionToken: "t"))
        #expect(lease.expiry == Date(timeIntervalSince1970: 1_893_553_445))
        #expect(
            await failure([
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(server.url)/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "wrong",
            ]).contains("answers 401"))
    }

    @Test(
        "a container's token goes to no strange address in the clear",
        arguments: [
            "http://example.com/", "http://127.0.0.1.example.com/", "http://localhost.example/", "ftp://127.0.0.1/",
        ])
    func strangeAddress(_ url: String) async {
        let text = await failure([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": url, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "t",
        ])
        #expect(text.contains("AWS_CONTAINER_CREDENTIALS_FULL_URI must be"))
    }

    @Test("an instance's role is asked for in a session of IMDSv2")
    func instance() async throws {
        let server = try await LoopbackHTTPServer { request, _ in
            let isInSession = request.headers["x-aws-ec2-metadata-token"] == ["session"]
            return switch (request.method, request.path) {
            case ("PUT", "/latest/api/token"):
                request.headers["x-aws-ec2-metadata-token-ttl-seconds"].isEmpty
                    ? .text("", status: 400) : .text("session")
            case ("GET", "/latest/meta-data/iam/security-credentials/") where isInSession: .text("a role\n")
            case ("GET", "/latest/meta-data/iam/security-credentials/a%20role") where isInSession:
                .text(
                    #"{"Code":"Success","AccessKeyId":"id","SecretAccessKey":"s","Token":"t","Expiration":"2030-01-02T03:04:05Z"}"#
                )
            default: .text("", status: 401)
            }
        }
        let environment = ["AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url]
        let lease = try await load(environment)
        #expect(lease.value == AWSCredentials(accessKeyID: "id", secretAccessKey: "s", sessionToken: "t"))
        #expect(server.requests.count == 3)
    }

    @Test("where there are none at all, the error says where they were looked for")
    func none() async {
        let text = await failure([:])
        #expect(text.contains("AWS_ACCESS_KEY_ID") && text.contains("AWS_WEB_IDENTITY_TOKEN_FILE"))
    }

    @Test("credentials are loaded once for all who ask, and again before they end; old ones serve while they can")
    func refresh() async throws {
        let clock = NIOLockedValueBox(Date(timeIntervalSince1970: 0))
        let loads = NIOLockedValueBox(0)
        let credentials = RefreshedCredentials<Int>(margin: 300, now: { clock.withLockedValue { $0 } }) {
            () throws(CredentialError) in
            let count = loads.withLockedValue { count in
                count += 1
                return count
            }
            if count == 3 || count == 4 { throw CredentialError("down") }
            return .init(count, expiry: clock.withLockedValue { $0 }.addingTimeInterval(1000))
        }
        let all = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await credentials.current() } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(all == [Int](repeating: 1, count: 20))
        clock.withLockedValue { $0 += 699 }
        #expect(try await credentials.current() == 1)
        clock.withLockedValue { $0 += 2 }
        #expect(try await credentials.current() == 2)
        // The source is down: the old ones serve until their end, and not after it.
        clock.withLockedValue { $0 += 701 }
        #expect(try await credentials.current() == 2)
        clock.withLockedValue { $0 += 300 }
        await #expect(throws: CredentialError.self) { try await credentials.current() }
        #expect(try await credentials.current() == 5)
    }
}
