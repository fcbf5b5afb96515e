import CurlClient
import FoundationEssentials
import JSONStream
import Settings

/// Finds credentials where the SDKs of AWS look for them, in their order: the environment, a web identity (EKS service
/// accounts), the shared files, the container's endpoint (ECS, EKS Pod Identity), the instance (IMDSv2).
package struct AWSCredentialChain: Sendable {
    package typealias Lease = RefreshedCredentials<AWSCredentials>.Lease

    private let environment: Environment
    private let client: CurlClient

    package init(environment: Environment, client: CurlClient) {
        self.environment = environment
        self.client = client
    }

    /// The credentials, replaced before they end.
    package var credentials: RefreshedCredentials<AWSCredentials> {
        RefreshedCredentials { () throws(CredentialError) in try await load() }
    }

    /// The credentials of the first source that is configured. A source that is configured and fails ends the search.
    package func load() async throws(CredentialError) -> Lease {
        if let lease = fromEnvironment { return lease }
        if let lease = try await fromWebIdentity() { return lease }
        if let lease = try fromProfile() { return lease }
        if let lease = try await fromContainer() { return lease }
        return try await fromInstance()
    }

    private var fromEnvironment: Lease? {
        guard let id = environment.string("AWS_ACCESS_KEY_ID"),
            let secret = environment.string("AWS_SECRET_ACCESS_KEY")
        else { return nil }
        let token = environment.string("AWS_SESSION_TOKEN")
        return Lease(AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token), expiry: nil)
    }

    private func fromProfile() throws(CredentialError) -> Lease? {
        let profile = try AWSProfile(environment: environment)
        guard let id = profile.settings["aws_access_key_id"], let secret = profile.settings["aws_secret_access_key"]
        else {
            if environment.string("AWS_PROFILE") != nil {
                throw CredentialError(
                    "the AWS profile '\(profile.name)' holds no access key, which is the kind known here")
            }
            return nil
        }
        let token = profile.settings["aws_session_token"]
        return Lease(AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token), expiry: nil)
    }

    // MARK: Security Token Service

    private func fromWebIdentity() async throws(CredentialError) -> Lease? {
        guard let file = environment.string("AWS_WEB_IDENTITY_TOKEN_FILE"),
            let role = environment.string("AWS_ROLE_ARN")
        else { return nil }
        let region = S3Configuration.region(environment)
        let suffix = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let url =
            environment.string("AWS_ENDPOINT_URL_STS") ?? environment.string("AWS_ENDPOINT_URL")
            ?? "https://sts.\(region).\(suffix)"
        let service = CredentialEndpoint(name: "the AWS Security Token Service", client: client)
        let response = try await service.answer(
            "POST", url.hasSuffix("/") ? url : "\(url)/",
            form: [
                "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": role,
                "RoleSessionName": environment.string("AWS_ROLE_SESSION_NAME")
                    ?? "sie-\(UInt32.random(in: 0 ... .max))",
                "WebIdentityToken": try CredentialFile.token(file),
            ])
        guard let answer = XMLTree(response.body) else {
            throw CredentialError("\(service.name) answers \(response.status) with something that is no XML")
        }
        guard response.status == 200, let found = answer.first("Credentials"), let id = found["AccessKeyId"]?.text,
            let secret = found["SecretAccessKey"]?.text, let token = found["SessionToken"]?.text
        else {
            let code = answer.first("Code")?.text ?? ""
            throw CredentialError("\(service.name) answers \(response.status) \(code) for the role \(role)")
        }
        return Lease(
            AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: token),
            expiry: found["Expiration"].flatMap { Date(timestamp: $0.text) })
    }

    // MARK: Endpoints near by

    private func fromContainer() async throws(CredentialError) -> Lease? {
        let url: String
        if let path = environment.string("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            url = "http://169.254.170.2\(path)"
        } else if let full = environment.string("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            guard Self.mayHearTokens(full) else {
                throw CredentialError("AWS_CONTAINER_CREDENTIALS_FULL_URI must be https or an address of this machine")
            }
            url = full
        } else {
            return nil
        }
        var headers: [CurlRequest.Header] = []
        if let file = environment.string("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            headers.append(.init("Authorization", try CredentialFile.token(file)))
        } else if let token = environment.string("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers.append(.init("Authorization", token))
        }
        let service = CredentialEndpoint(name: "the container's credentials endpoint", client: client, isLocal: true)
        return try lease(service.object(try await service.answer("GET", url, headers: headers)), service)
    }

    /// Over plain HTTP the token goes only to this machine and to the addresses of ECS and EKS.
    private static func mayHearTokens(_ url: String) -> Bool {
        guard url.utf8.starts(with: "http://".utf8) else { return url.utf8.starts(with: "https://".utf8) }
        let authority = url.dropFirst("http://".count).prefix { $0 != "/" && $0 != "?" }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return ["localhost", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "[::1]"].contains(String(host))
            || isLoopback(host)
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    private func fromInstance() async throws(CredentialError) -> Lease {
        let nowhere = """
            neither the environment (AWS_ACCESS_KEY_ID, AWS_WEB_IDENTITY_TOKEN_FILE, \
            AWS_CONTAINER_CREDENTIALS_RELATIVE_URI) nor a shared file has any
            """
        guard !environment.bool("AWS_EC2_METADATA_DISABLED") else { throw CredentialError(nowhere) }
        let base = environment.string("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let path = "\(base.hasSuffix("/") ? String(base.dropLast()) : base)/latest"
        let service = CredentialEndpoint(
            name: "the EC2 metadata service", client: client, isLocal: true, attempts: 2)
        do throws(CredentialError) {
            let session = try await service.answer(
                "PUT", "\(path)/api/token", headers: [.init("X-aws-ec2-metadata-token-ttl-seconds", "300")], body: [])
            guard session.status == 200, !session.body.isEmpty else {
                throw CredentialError("\(service.name) answers \(session.status) to the request for a session")
            }
            let headers = [CurlRequest.Header("X-aws-ec2-metadata-token", session.text)]
            let roles = "\(path)/meta-data/iam/security-credentials/"
            let listed = try await service.answer("GET", roles, headers: headers)
            guard listed.status == 200, let role = listed.text.split(whereSeparator: \.isNewline).first else {
                throw CredentialError("the instance has no role: \(service.name) answers \(listed.status)")
            }
            let found = try await service.answer(
                "GET", roles + PercentEncoding.encode(role), headers: headers)
            return try lease(service.object(found), service)
        } catch {
            throw CredentialError("\(nowhere), and \(error)")
        }
    }

    /// Credentials in the form that containers' endpoints and IMDS share.
    private func lease(_ json: JSONValue, _ service: CredentialEndpoint) throws(CredentialError) -> Lease {
        guard let id = json["AccessKeyId"]?.stringValue, let secret = json["SecretAccessKey"]?.stringValue else {
            throw CredentialError(
                "\(service.name) answers without credentials: \(json["Code"]?.stringValue ?? "no code")")
        }
        return Lease(
            AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: json["Token"]?.stringValue),
            expiry: json["Expiration"]?.stringValue.flatMap { Date(timestamp: $0) })
    }
}
