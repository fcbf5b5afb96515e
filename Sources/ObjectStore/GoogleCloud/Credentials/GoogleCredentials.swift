import CurlClient
import FoundationEssentials
import JSONStream
import Settings

/// Finds credentials as Google's libraries do ("application default credentials"): the file that
/// `GOOGLE_APPLICATION_CREDENTIALS` names, the one that `gcloud` keeps, the metadata server (GKE workload identity too).
///
/// Files may hold a service account's key, a user's refresh token, or a workload identity federation whose token lies in
/// a file.
package struct GoogleCredentials: Sendable {
    package typealias Lease = RefreshedCredentials<String>.Lease

    private static let scope = "https://www.googleapis.com/auth/devstorage.read_write"
    private static let cloudScope = "https://www.googleapis.com/auth/cloud-platform"

    private enum Source: Sendable {
        case serviceAccount(ServiceAccountKey)
        case user(JSONValue)
        case federation(JSONValue)
        case metadataServer(host: String)
    }

    /// nil: an emulator wants no token.
    private let source: Source?
    private let client: CurlClient
    private let now: @Sendable () -> Date

    /// - Throws: `misconfigured` where a file is there but holds no credentials of a known kind.
    package init(
        environment: Environment, client: CurlClient, now: @escaping @Sendable () -> Date = { .now }
    ) throws(ObjectStoreError) {
        self.client = client
        self.now = now
        guard environment.string("STORAGE_EMULATOR_HOST") == nil else {
            source = nil
            return
        }
        do throws(CredentialError) {
            source = try Self.source(environment)
        } catch {
            throw ObjectStoreError(.misconfigured, operation: "read Google Cloud credentials", error.description)
        }
    }

    /// Access tokens, replaced before they end; nil where none are wanted.
    package var tokens: RefreshedCredentials<String>? {
        source == nil ? nil : RefreshedCredentials { () throws(CredentialError) in try await load() }
    }

    private static func source(_ environment: Environment) throws(CredentialError) -> Source {
        let named = environment.string("GOOGLE_APPLICATION_CREDENTIALS")
        let folder = environment.string("CLOUDSDK_CONFIG") ?? "\(environment.string("HOME") ?? "")/.config/gcloud"
        let path = named ?? "\(folder)/application_default_credentials.json"
        guard let bytes = try CredentialFile.bytes(path) else {
            if let named { throw CredentialError("GOOGLE_APPLICATION_CREDENTIALS names \(named), which is missing") }
            return .metadataServer(host: environment.string("GCE_METADATA_HOST") ?? "metadata.google.internal")
        }
        guard let json = try? JSONReader.decode(bytes), json.objectValue != nil else {
            throw CredentialError("\(path) holds no JSON object")
        }
        switch json["type"]?.stringValue {
        case "service_account": return .serviceAccount(try ServiceAccountKey(json))
        case "authorized_user": return .user(json)
        case "external_account": return .federation(json)
        case let type: throw CredentialError("\(path) holds credentials of an unknown type: \(type ?? "none")")
        }
    }

    /// A new token.
    package func load() async throws(CredentialError) -> Lease {
        switch source {
        case nil: throw CredentialError("none are configured")
        case .serviceAccount(let key):
            return try await token(
                key.tokenURL,
                form: [
                    "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    "assertion": try key.assertion(scope: Self.scope, now: now()),
                ])
        case .user(let json):
            guard let id = json["client_id"]?.stringValue, let secret = json["client_secret"]?.stringValue,
                let refresh = json["refresh_token"]?.stringValue
            else { throw CredentialError("the user's credentials lack client_id, client_secret or refresh_token") }
            return try await token(
                json["token_uri"]?.stringValue ?? "https://oauth2.googleapis.com/token",
                form: [
                    "grant_type": "refresh_token", "client_id": id, "client_secret": secret, "refresh_token": refresh,
                ])
        case .federation(let json): return try await exchange(json)
        case .metadataServer(let host):
            let service = CredentialEndpoint(
                name: "the Google metadata server", client: client, isLocal: true)
            let answer = try await service.answer(
                "GET", "http://\(host)/computeMetadata/v1/instance/service-accounts/default/token",
                headers: [.init("Metadata-Flavor", "Google")])
            return try lease(answer, service)
        }
    }

    private func token(_ url: String, form: [String: String]) async throws(CredentialError) -> Lease {
        let service = CredentialEndpoint(name: "the token service", client: client)
        return try lease(try await service.answer("POST", url, form: form), service)
    }

    private func lease(_ response: CurlResponse, _ service: CredentialEndpoint) throws(CredentialError) -> Lease {
        let json = try service.object(response)
        guard let token = json["access_token"]?.stringValue else {
            throw CredentialError("\(service.name) answers without an access_token")
        }
        return Lease(token, expiry: json["expires_in"]?.doubleValue.map { now().addingTimeInterval($0) })
    }

    // MARK: Workload identity federation (RFC 8693)

    private func exchange(_ json: JSONValue) async throws(CredentialError) -> Lease {
        guard let audience = json["audience"]?.stringValue, let type = json["subject_token_type"]?.stringValue,
            let url = json["token_url"]?.stringValue, let file = json["credential_source"]?["file"]?.stringValue
        else {
            throw CredentialError(
                "the federation lacks audience, subject_token_type, token_url or a credential_source with a file")
        }
        let federated = try await token(
            url,
            form: [
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": audience,
                "scope": Self.cloudScope, "subject_token_type": type,
                "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "subject_token": try Self.subjectToken(file, format: json["credential_source"]?["format"]),
            ])
        guard let account = json["service_account_impersonation_url"]?.stringValue else { return federated }
        let service = CredentialEndpoint(name: "the IAM credentials service", client: client)
        let answer = try await service.answer(
            "POST", account,
            headers: [
                .init("Authorization", "Bearer \(federated.value)"), .init("content-type", "application/json"),
            ],
            body: JSONWriter.encode(["scope": [.string(Self.cloudScope)]]))
        let impersonated = try service.object(answer)
        guard let token = impersonated["accessToken"]?.stringValue else {
            throw CredentialError("\(service.name) answers without an accessToken")
        }
        return Lease(token, expiry: impersonated["expireTime"]?.stringValue.flatMap { Date(timestamp: $0) })
    }

    private static func subjectToken(_ path: String, format: JSONValue?) throws(CredentialError) -> String {
        guard format?["type"]?.stringValue == "json" else { return try CredentialFile.token(path) }
        let field = format?["subject_token_field_name"]?.stringValue ?? "access_token"
        guard let bytes = try CredentialFile.bytes(path), let json = try? JSONReader.decode(bytes),
            let token = json[field]?.stringValue
        else { throw CredentialError("\(path) holds no JSON with the field \(field)") }
        return token
    }
}
