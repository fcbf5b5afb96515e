import CurlClient
import Foundation
import JSONStream

/// What a control plane has beside its first API server.
extension KubernetesAPIServer {
    /// Another API server over the same objects, with a certificate of another authority.
    package struct Twin: Sendable {
        package let port: Int
        /// The PEM file of the authority that signed its certificate.
        package let authorityFile: String
        private let certificates: TestCertificates
        private let program: SupervisedProgram

        fileprivate init(_ port: Int, _ certificates: TestCertificates, _ program: SupervisedProgram) {
            self.port = port
            authorityFile = certificates.path("ca.pem")
            self.certificates = certificates
            self.program = program
        }
    }

    /// Starts another API server, which takes the same tokens. It goes with the last reference.
    package func startTwin() async throws -> Twin {
        let certificates = try TestCertificates(names: "IP:127.0.0.1,DNS:localhost")
        let port = try NATSServerProcess.freePort()
        let program = try SupervisedProgram(
            [Self.program("kube-apiserver")]
                + Self.arguments(storagePort: storagePort, port: port, certificates: certificates, audits: false),
            log: folder.appending(path: "twin-\(port).log"), directory: folder)
        var request = CurlRequest("GET", "https://127.0.0.1:\(port)/readyz")
        request.tls = CurlTLS(authorities: .file(certificates.path("ca.pem")))
        request.proxy = .none
        request.headers = [CurlRequest.Header("Authorization", "Bearer \(adminToken)")]
        let begin = ContinuousClock.now
        while (try? await client.perform(request))?.status != 200 {
            guard program.isRunning, .now - begin < .seconds(60) else {
                throw Failure.didNotStart(log: program.log)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return Twin(port, certificates, program)
    }

    /// Whether tests can have controllers of Kubernetes itself. Says loudly when they cannot.
    package static let hasControllerManager: Bool = {
        let isThere = isInstalled && FileManager.default.isExecutableFile(atPath: program("kube-controller-manager"))
        if !isThere { print("SKIPPED: no kube-controller-manager; run scripts/kube-apiserver") }
        return isThere
    }()

    /// Runs controllers of Kubernetes itself, such as `namespace`, which empties deleted namespaces. They work on the
    /// objects of all tests of this server, and go with the last reference.
    package func startControllerManager(_ controllers: [String]) throws -> SupervisedProgram {
        try SupervisedProgram(
            [
                Self.program("kube-controller-manager"), "--kubeconfig", try kubeconfig(),
                "--controllers", controllers.joined(separator: ","), "--leader-elect=false", "--port=0",
                "--secure-port=0",
            ], log: folder.appending(path: "controller-manager.log"), directory: folder)
    }
}
