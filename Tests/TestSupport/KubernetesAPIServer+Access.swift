import CurlClient
import Foundation
import JSONStream

extension KubernetesAPIServer {
    package struct Reply: Sendable {
        package var status: Int
        package var body: JSONValue
    }

    /// What a service account may do in its namespace.
    package struct Rule: Sendable {
        package var groups: [String]
        package var resources: [String]
        package var verbs: [String]
        /// The names of the objects that it is about; empty for all.
        package var names: [String]

        package init(group: String = "", _ resources: [String], _ verbs: [String], names: [String] = []) {
            groups = [group]
            self.resources = resources
            self.verbs = verbs
            self.names = names
        }
    }

    /// Sends a request as the administrator, or with another token. `body` goes as JSON, or as the type named.
    package func request(
        _ method: String, _ path: String, _ body: JSONValue? = nil, type: String = "application/json",
        token: String? = nil
    ) async throws -> Reply {
        var request = CurlRequest(method, url + path)
        request.tls = CurlTLS(authorities: .file(authorityFile))
        request.proxy = .none
        request.headers = [
            CurlRequest.Header("Authorization", "Bearer \(token ?? adminToken)"),
            CurlRequest.Header("Accept", "application/json"),
        ]
        if let body {
            request.headers.append(CurlRequest.Header("Content-Type", type))
            request.body = JSONWriter.encode(body)
        }
        let response = try await client.perform(request)
        return Reply(status: response.status, body: (try? JSONReader.decode(response.body)) ?? .null)
    }

    /// Sends a request as the administrator that has to succeed.
    /// - Returns: the object that the server answers with.
    @discardableResult
    package func send(
        _ method: String, _ path: String, _ body: JSONValue? = nil, type: String = "application/json"
    ) async throws -> JSONValue {
        let reply = try await request(method, path, body, type: type)
        guard 200..<300 ~= reply.status else {
            throw Failure.refused("\(method) \(path): \(reply.status) \(reply.body["message"]?.stringValue ?? "")")
        }
        return reply.body
    }

    /// Makes a namespace that nobody else has.
    package func namespace() async throws -> String {
        let name = "test-\(UUID().uuidString.lowercased())"
        try await send("POST", "/api/v1/namespaces", ["metadata": ["name": .string(name)]])
        return name
    }

    /// Makes a service account with a role of these rules.
    ///
    /// - Parameter everywhere: whether the role is for all namespaces, and not for the account's alone.
    /// - Returns: a token for it, valid for an hour.
    package func serviceAccount(
        _ name: String, in namespace: String, rules: [Rule], everywhere: Bool = false
    ) async throws -> String {
        func strings(_ values: [String]) -> JSONValue { .array(values.map { .string($0) }) }
        let account: JSONValue = ["name": .string(name), "namespace": .string(namespace)]
        let group = "/apis/rbac.authorization.k8s.io/v1"
        let (roles, kind) = everywhere ? (group, "ClusterRole") : ("\(group)/namespaces/\(namespace)", "Role")
        let metadata: JSONValue = everywhere ? ["name": .string("\(name)-\(namespace)")] : account
        try await send("POST", accounts(namespace), ["metadata": account])
        try await send(
            "POST", "\(roles)/\(kind.lowercased())s",
            [
                "metadata": metadata,
                "rules": .array(
                    rules.map { rule in
                        [
                            "apiGroups": strings(rule.groups), "resources": strings(rule.resources),
                            "verbs": strings(rule.verbs), "resourceNames": strings(rule.names),
                        ]
                    }),
            ])
        try await send(
            "POST", "\(roles)/\(kind.lowercased())bindings",
            [
                "metadata": metadata,
                "subjects": [
                    ["kind": "ServiceAccount", "name": .string(name), "namespace": .string(namespace)]
                ],
                "roleRef": [
                    "apiGroup": "rbac.authorization.k8s.io", "kind": .string(kind),
                    "name": metadata["name"] ?? .null,
                ],
            ])
        return try await token(for: name, in: namespace)
    }

    /// Asks for another token for a service account, valid for an hour.
    ///
    /// - Parameter secret: a Secret of the account's namespace; when it is deleted, the token is of no worth any more.
    package func token(
        for account: String, in namespace: String, boundTo secret: String? = nil
    ) async throws -> String {
        let bound: JSONValue? = secret.map { ["apiVersion": "v1", "kind": "Secret", "name": .string($0)] }
        let reply = try await send(
            "POST", "\(accounts(namespace))/\(account)/token",
            [
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": [
                    "audiences": ["https://kubernetes.default.svc"], "expirationSeconds": 3600,
                    "boundObjectRef": bound ?? .null,
                ],
            ])
        guard let text = reply["status"]?["token"]?.stringValue else { throw Failure.refused("a token") }
        return text
    }

    private func accounts(_ namespace: String) -> String { "/api/v1/namespaces/\(namespace)/serviceaccounts" }

    /// Writes a kubeconfig file, which goes with the server.
    ///
    /// - Parameters:
    ///   - tokenFile: where the token is, instead of `token`.
    ///   - port: where the server is reached, if not at its own port.
    ///   - authorityFile: the authority of its certificate, if not its own.
    /// - Returns: its path.
    package func kubeconfig(
        token: String? = nil, tokenFile: String? = nil, namespace: String = "default", port: Int? = nil,
        authorityFile: String? = nil
    ) throws -> String {
        let file = folder.appending(path: "\(UUID().uuidString).kubeconfig")
        let url = "https://127.0.0.1:\(port ?? self.port)"
        let user = tokenFile.map { "tokenFile: \"\($0)\"" } ?? "token: \"\(token ?? adminToken)\""
        let text = """
            apiVersion: v1
            kind: Config
            clusters:
            - {name: test, cluster: {server: "\(url)", certificate-authority: "\(authorityFile ?? self.authorityFile)"}}
            users: [{name: test, user: {\(user)}}]
            contexts: [{name: test, context: {cluster: test, user: test, namespace: "\(namespace)"}}]
            current-context: test

            """
        try Data(text.utf8).write(to: file)
        return file.path
    }
}
