import CurlClient
import FoundationEssentials
import Kubernetes
import Testing

@Suite("Cluster configuration")
struct ConfigurationTests {
    /// A directory of its own for a test's files.
    private struct Directory: ~Copyable {
        let path: String

        init() throws {
            path = FileManager.default.temporaryDirectory.path() + "/kubeconfig-\(UInt64.random(in: 0 ... .max))"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }

        @discardableResult
        func write(_ text: String, to name: String) throws -> String {
            let file = "\(path)/\(name)"
            guard FileManager.default.createFile(atPath: file, contents: Data(text.utf8)) else {
                throw CocoaError(.fileWriteUnknown)
            }
            return file
        }
    }

    private static let first = """
        apiVersion: v1
        kind: Config
        current-context: dev
        clusters:
        - name: dev
          cluster: {server: "https://dev.example:6443/", certificate-authority: pki/ca.crt, tls-server-name: kubernetes}
        - name: data
          cluster: {server: "https://[fd00::1]:6443", certificate-authority-data: UEVN, proxy-url: "http://proxy:3128"}
        - name: insecure
          cluster: {server: "https://x", insecure-skip-tls-verify: true}
        contexts:
        - {name: dev, context: {cluster: dev, user: cert, namespace: team}}
        - {name: data, context: {cluster: data, user: token}}
        - {name: file, context: {cluster: data, user: file}}
        - {name: exec, context: {cluster: data, user: exec}}
        - {name: insecure, context: {cluster: insecure, user: token}}
        - {name: nobody, context: {cluster: dev, user: missing}}
        - {name: half, context: {cluster: dev, user: half}}
        - {name: provider, context: {cluster: dev, user: provider}}
        - {name: basic, context: {cluster: dev, user: basic}}
        users:
        - {name: cert, user: {client-certificate: /pki/c.crt, client-key: c.key, as: admin, as-groups: [g1, g2]}}
        - {name: token, user: {token: secret-token}}
        - {name: file, user: {tokenFile: token, token: old}}
        - {name: half, user: {client-certificate-data: UEVN}}
        - {name: provider, user: {auth-provider: {name: gcp}}}
        - {name: basic, user: {username: u, password: secret-password}}
        - name: exec
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: bin/login
              args: [--cluster, a]
              env: [{name: REGION, value: r}]
              provideClusterInfo: true
              interactiveMode: IfAvailable
        """

    private func failure(_ body: () throws(ConfigurationError) -> ClusterConfiguration) -> String? {
        do throws(ConfigurationError) {
            _ = try body()
            return nil
        } catch {
            return error.description
        }
    }

    @Test("contexts name clusters and users, and paths are relative to their file")
    func contexts() throws {
        let directory = try Directory()
        let path = try directory.write(Self.first, to: "config")
        let kubeconfig = try Kubeconfig(paths: [path])
        let dev = try kubeconfig.configuration()
        #expect(dev.server == "https://dev.example:6443")
        #expect(dev.namespace == "team")
        #expect(dev.tls.authorities == .file("\(directory.path)/pki/ca.crt"))
        #expect(dev.tls.serverName == "kubernetes")
        #expect(dev.tls.identity == .files(certificate: "/pki/c.crt", key: "\(directory.path)/c.key"))
        #expect(dev.impersonation == .init(user: "admin", groups: ["g1", "g2"]))
        let data = try kubeconfig.configuration(context: "data")
        #expect(data.tls.authorities == .pem(Array("PEM".utf8)))
        #expect(data.proxy == .url("http://proxy:3128"))
        #expect(data.credentials == .token("secret-token"))
        #expect(data.namespace == "default")
        #expect(
            try kubeconfig.configuration(context: "file").credentials == .tokenFile("\(directory.path)/token"))
        #expect(
            try kubeconfig.configuration(context: "exec").credentials
                == .exec(
                    ExecPlugin(
                        apiVersion: "client.authentication.k8s.io/v1", command: "\(directory.path)/bin/login",
                        arguments: ["--cluster", "a"], environment: [.init(name: "REGION", value: "r")],
                        providesClusterInfo: true)))
        #expect(
            try kubeconfig.configuration(context: "basic").credentials
                == .basic(user: "u", password: "secret-password"))
    }

    @Test("of several files the first that has an entry counts, and missing files are left out")
    func merging() throws {
        let directory = try Directory()
        let one = try directory.write(
            """
            clusters: [{name: a, cluster: {server: "https://one"}}]
            users: [{name: u, user: {token: one}}]
            """, to: "one")
        let empty = try directory.write("", to: "empty")
        let two = try directory.write(
            """
            current-context: c
            contexts: [{name: c, context: {cluster: a, user: u}}, {name: d, context: {cluster: b, user: v}}]
            clusters: [{name: a, cluster: {server: "https://two"}}, {name: b, cluster: {server: "https://b"}}]
            users: [{name: u, user: {token: two}}, {name: v, user: {token: v}}]
            """, to: "two")
        let kubeconfig = try Kubeconfig(paths: ["\(directory.path)/none", one, empty, two])
        #expect(try kubeconfig.configuration().server == "https://one")
        #expect(try kubeconfig.configuration().credentials == .token("one"))
        #expect(try kubeconfig.configuration(context: "d").server == "https://b")
        #expect(kubeconfig.contextNames == ["c", "d"])
    }

    @Test(
        "what cannot be used is refused by name",
        arguments: [
            ("insecure", "insecure-skip-tls-verify is refused"), ("nobody", "'missing'"), ("half", "need each other"),
            ("provider", "use exec"), ("none", "no context 'none'; it has: basic, data"),
        ])
    func refused(context: String, reason: String) throws {
        let directory = try Directory()
        let kubeconfig = try Kubeconfig(paths: [try directory.write(Self.first, to: "config")])
        let failure = failure { () throws(ConfigurationError) in try kubeconfig.configuration(context: context) }
        #expect(failure?.contains(reason) == true, "\(failure ?? "accepted")")
    }

    @Test("TLS without checks has to be allowed")
    func insecure() throws {
        let directory = try Directory()
        let kubeconfig = try Kubeconfig(paths: [try directory.write(Self.first, to: "config")])
        #expect(
            try kubeconfig.configuration(context: "insecure", allowsInsecureTLS: true).tls.verifiesServer == false)
    }

    @Test(
        "a malformed file names itself and the entry at fault, never a value",
        arguments: [
            ("users: [{name: u, user: {token: 5}}]", "users.0.user.token"), ("clusters: {}", "clusters"),
            ("a: [", "line 2"), ("users: [{user: {token: t}}]", "name"),
        ])
    func malformed(text: String, reason: String) throws {
        let directory = try Directory()
        let path = try directory.write(text, to: "config")
        let failure = failure { () throws(ConfigurationError) in try Kubeconfig(paths: [path]).configuration() }
        #expect(failure?.contains(path) == true)
        #expect(failure?.contains(reason) == true, "\(failure ?? "accepted")")
    }

    @Test("a pod finds its cluster, IPv6 included, and says what is missing")
    func inCluster() throws {
        let directory = try Directory()
        let path = directory.path
        var environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let bare = environment
        #expect(
            failure { () throws(ConfigurationError) in
                try .inCluster(environment: bare, directory: path)
            }?.contains("automountServiceAccountToken") == true)
        try directory.write("token", to: "token")
        try directory.write("PEM", to: "ca.crt")
        #expect(try ClusterConfiguration.inCluster(environment: environment, directory: path).namespace == "default")
        try directory.write("team\n", to: "namespace")
        let configuration = try ClusterConfiguration.load(environment: environment, serviceAccountDirectory: path)
        #expect(configuration.server == "https://[fd00::1]:443")
        #expect(configuration.namespace == "team")
        #expect(configuration.tls.authorities == .file("\(path)/ca.crt"))
        #expect(configuration.credentials == .tokenFile("\(path)/token"))
        environment["KUBERNETES_SERVICE_HOST"] = "10.0.0.1"
        #expect(
            try ClusterConfiguration.load(environment: environment, serviceAccountDirectory: path).server
                == "https://10.0.0.1:443")
        environment["KUBERNETES_SERVICE_PORT"] = "https"
        let wrong = environment
        #expect(
            failure { () throws(ConfigurationError) in
                try .inCluster(environment: wrong, directory: path)
            } == "KUBERNETES_SERVICE_PORT 'https' is no port")
    }

    @Test("a kubeconfig that is named or in KUBECONFIG comes before the pod, the home directory last")
    func order() throws {
        let directory = try Directory()
        let named = try directory.write(Self.first, to: "named")
        try FileManager.default.createDirectory(
            atPath: "\(directory.path)/.kube", withIntermediateDirectories: true)
        try directory.write(Self.first.replacing("https://dev.example:6443/", with: "https://home"), to: ".kube/config")
        let pod = ["KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", "KUBECONFIG": named]
        #expect(try ClusterConfiguration.load(environment: pod).server == "https://dev.example:6443")
        #expect(try ClusterConfiguration.load(environment: ["HOME": directory.path]).server == "https://home")
        #expect(
            failure { () throws(ConfigurationError) in try .load(kubeconfig: "/none", environment: pod) }
                == "there is no kubeconfig at /none")
        #expect(failure { () throws(ConfigurationError) in try .load(environment: [:]) }?.contains("no pod") == true)
    }

    @Test("no description of a configuration holds a secret")
    func redaction() throws {
        let directory = try Directory()
        let kubeconfig = try Kubeconfig(paths: [try directory.write(Self.first, to: "config")])
        for context in ["data", "basic"] {
            let configuration = try kubeconfig.configuration(context: context)
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in ["\(configuration)", String(reflecting: configuration), dumped] {
                #expect(!text.contains("secret"), "\(text)")
            }
        }
    }
}
