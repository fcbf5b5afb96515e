import CurlClient
import Foundation
import Glibc
import JSONStream

/// A real kube-apiserver with its etcd on loopback: TLS, RBAC and tokens of service accounts, and none of the
/// controllers, so that nothing changes an object but the test. `scripts/kube-apiserver` provides the programs.
///
/// A start takes a few seconds, so tests share one server and work in namespaces of their own. The processes and their
/// files go with the last reference and also when the test process ends in any way: a shell watches over them and ends
/// them when the pipe closes that this process holds.
package final class KubernetesAPIServer: Sendable {
    package enum Failure: Error, CustomStringConvertible {
        case notInstalled
        case didNotStart(log: String)
        case refused(String)

        package var description: String {
            switch self {
            case .notInstalled: "no kube-apiserver is installed; run scripts/kube-apiserver"
            case .didNotStart(let log): "kube-apiserver did not start:\n\(log)"
            case .refused(let what): "kube-apiserver refused: \(what)"
            }
        }
    }

    /// Where the programs are; nil where there are none.
    private static let programs: URL? = {
        let candidates = [
            ProcessInfo.processInfo.environment["KUBEBUILDER_ASSETS"].map { URL(filePath: $0) },
            Fixtures.repository.appending(path: ".tools/kubernetes"),
        ]
        return candidates.compactMap { $0 }.first { folder in
            ["etcd", "kube-apiserver"].allSatisfy {
                FileManager.default.isExecutableFile(atPath: folder.appending(path: $0).path)
            }
        }
    }()

    /// Whether tests can have a server. Says loudly when they cannot.
    package static let isInstalled: Bool = {
        if programs == nil {
            print("SKIPPED: no kube-apiserver; run scripts/kube-apiserver, or name KUBEBUILDER_ASSETS")
        }
        return programs != nil
    }()

    private static let starting = Task { try await KubernetesAPIServer() }

    /// The server that tests share. The first caller starts it.
    package static var shared: KubernetesAPIServer {
        get async throws { try await starting.value }
    }

    /// Where a program is that ``isInstalled`` speaks of.
    static func program(_ name: String) -> String { programs?.appending(path: name).path ?? "" }

    package let port: Int
    /// A bearer token that may do everything. The server's alone, and of no worth elsewhere.
    package let adminToken = UUID().uuidString
    let storagePort: Int
    let folder: URL
    let client: CurlClient
    private let certificates: TestCertificates
    private let supervisor: ChildProcess
    private let lifeline: Pipe

    package init() async throws {
        guard let programs = Self.programs else { throw Failure.notInstalled }
        let begin = ContinuousClock.now
        certificates = try TestCertificates(names: "IP:127.0.0.1,DNS:localhost")
        folder = FileManager.default.temporaryDirectory.appending(path: "kubernetes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        client = try CurlClient()
        port = try NATSServerProcess.freePort()
        storagePort = try NATSServerProcess.freePort()
        try Data(Self.auditPolicy.utf8).write(to: folder.appending(path: "audit-policy.yaml"))
        try Data("\(adminToken),admin,admin,\"system:masters\"\n".utf8).write(to: folder.appending(path: "tokens.csv"))

        lifeline = Pipe()
        supervisor = try ChildProcess(
            "/bin/bash",
            arguments: ["-c", Self.supervision, "kubernetes"]
                + Self.arguments(storagePort: storagePort, port: port, certificates: certificates, audits: true),
            environment: [
                "PATH": "/usr/bin:/bin", "ETCD": programs.appending(path: "etcd").path,
                "API_SERVER": programs.appending(path: "kube-apiserver").path, "FOLDER": folder.path,
                "CERTIFICATES": certificates.folder.path, "STORAGE": "http://127.0.0.1:\(storagePort)",
            ],
            directory: folder, input: .descriptor(lifeline.fileHandleForReading.fileDescriptor))
        while true {
            let reply = try? await request("GET", "/readyz")
            if reply?.status == 200 { break }
            guard supervisor.isRunning, .now - begin < .seconds(60) else { throw Failure.didNotStart(log: log) }
            try await Task.sleep(for: .milliseconds(50))
        }
        print("kube-apiserver started within \(ContinuousClock.now - begin)")
    }

    deinit {
        try? lifeline.fileHandleForWriting.close()
        supervisor.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Ends both servers, and takes their files away, when either of them ends or the standard input does.
    private static let supervision = """
        exec 3<&0
        openssl ecparam -name prime256v1 -genkey -noout -out accounts.key
        "$ETCD" --data-dir etcd --listen-client-urls "$STORAGE" --advertise-client-urls "$STORAGE" \
            --listen-peer-urls http://127.0.0.1:0 --logger zap --log-level error >etcd.log 2>&1 &
        "$API_SERVER" "$@" >server.log 2>&1 &
        (read -r _ <&3) &
        wait -n
        kill -KILL $(jobs -p)
        wait
        # What a server wrote is there for as long as somebody may want to read it.
        read -r _ <&3
        rm -rf "$FOLDER" "$CERTIFICATES"
        """

    /// What an API server is started with, in ``folder``.
    /// - Parameter audits: whether it writes down what service accounts ask for.
    static func arguments(
        storagePort: Int, port: Int, certificates: TestCertificates, audits: Bool
    ) -> [String] {
        let settings = [
            "etcd-servers": "http://127.0.0.1:\(storagePort)", "bind-address": "127.0.0.1", "secure-port": "\(port)",
            "advertise-address": "127.0.0.1", "tls-cert-file": certificates.path("server.pem"),
            "tls-private-key-file": certificates.path("server.key"), "client-ca-file": certificates.path("ca.pem"),
            "token-auth-file": "tokens.csv", "authorization-mode": "RBAC",
            "service-account-issuer": "https://kubernetes.default.svc",
            "api-audiences": "https://kubernetes.default.svc", "service-account-signing-key-file": "accounts.key",
            "service-account-key-file": "accounts.key", "service-cluster-ip-range": "10.0.0.0/24", "profiling": "false",
        ]
        let auditing = ["audit-policy-file": "audit-policy.yaml", "audit-log-path": "audit.log"]
        return (audits ? settings.merging(auditing) { $1 } : settings).map { "--\($0)=\($1)" }
    }

    /// `https://127.0.0.1:port`
    package var url: String { "https://127.0.0.1:\(port)" }
    /// The PEM file of the authority that signed the server's certificate.
    package var authorityFile: String { certificates.path("ca.pem") }

    /// What both servers wrote.
    package var log: String {
        ["etcd.log", "server.log"].map { file in
            (try? String(contentsOf: folder.appending(path: file), encoding: .utf8)) ?? ""
        }.joined()
    }
}
