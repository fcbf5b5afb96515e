import CurlClient
import FoundationEssentials
import JSONStream
import Subprocess
import SystemPackage

/// A program that prints credentials (`client.authentication.k8s.io`, v1 and v1beta1), as kubeconfigs of cloud
/// providers name them.
public struct ExecPlugin: Sendable, Hashable {
    public struct Variable: Sendable, Hashable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// What the program and its caller talk in.
    public var apiVersion: String
    public var command: String
    public var arguments: [String]
    /// Set over the environment of this process.
    public var environment: [Variable]
    /// Whether the program is told which cluster it is for.
    public var providesClusterInfo: Bool
    /// Told when the program cannot be started.
    public var installHint: String?
    /// How long the program may take.
    public var timeout: Duration = .seconds(60)

    public init(
        apiVersion: String, command: String, arguments: [String] = [], environment: [Variable] = [],
        providesClusterInfo: Bool = false, installHint: String? = nil
    ) {
        self.apiVersion = apiVersion
        self.command = command
        self.arguments = arguments
        self.environment = environment
        self.providesClusterInfo = providesClusterInfo
        self.installHint = installHint
    }

    /// What a program printed.
    package struct Answer: Sendable, Equatable {
        package var token: String?
        package var identity: CurlTLS.Identity?
        /// In seconds since 1970.
        package var expiry: Double?
    }

    private static let maximumOutputBytes = 1 << 20

    /// Reads the program's output. Its text is never quoted, because it holds secrets.
    package func answer(_ output: [UInt8]) throws(CredentialError) -> Answer {
        guard let json = try? JSONReader.decode(output), json["kind"]?.stringValue == "ExecCredential" else {
            throw CredentialError("\(command) prints no ExecCredential")
        }
        guard json["apiVersion"]?.stringValue == apiVersion else {
            throw CredentialError("\(command) prints an ExecCredential that is not of \(apiVersion)")
        }
        let status = json["status"]
        var answer = Answer(token: status?["token"]?.stringValue)
        switch (status?["clientCertificateData"]?.stringValue, status?["clientKeyData"]?.stringValue) {
        case (nil, nil): break
        case (let certificate?, let key?):
            answer.identity = .pem(certificate: Array(certificate.utf8), key: Array(key.utf8))
        case (nil, _?), (_?, nil): throw CredentialError("\(command) prints a certificate without key, or a key alone")
        }
        guard answer.token != nil || answer.identity != nil else {
            throw CredentialError("\(command) prints neither a token nor a certificate")
        }
        if let expiry = status?["expirationTimestamp"], !expiry.isNull {
            guard let time = try? expiry.decode(Timestamp.self) else {
                throw CredentialError("\(command) prints an expirationTimestamp that is no RFC 3339 time")
            }
            answer.expiry = Double(time.secondsSince1970)
        }
        return answer
    }

    /// `KUBERNETES_EXEC_INFO`: what the program is told.
    package func info(server: String) -> String {
        var spec: [JSONMember] = [JSONMember("interactive", false)]
        if providesClusterInfo { spec.append(JSONMember("cluster", ["server": .string(server)])) }
        let info: JSONValue = [
            "apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": .object(spec),
        ]
        return String(decoding: JSONWriter.encode(info), as: UTF8.self)
    }

    /// Runs the program and reads what it prints. It has no terminal to ask questions on.
    func run(server: String) async throws(CredentialError) -> Answer {
        let output: [UInt8]
        do {
            output = try await withThrowingTaskGroup(of: [UInt8].self) { group in
                group.addTask { try await execute(server: server) }
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw CredentialError("\(command) takes longer than \(timeout)")
                }
                defer { group.cancelAll() }
                return try await group.next() ?? []
            }
        } catch let error as CredentialError {
            throw error
        } catch {
            throw CredentialError("\(command) cannot be run: \(error)\(installHint.map { "; \($0)" } ?? "")")
        }
        return try answer(output)
    }

    private func execute(server: String) async throws -> [UInt8] {
        var variables: [Environment.Key: String?] = ["KUBERNETES_EXEC_INFO": info(server: server)]
        for variable in environment { variables[Environment.Key(stringLiteral: variable.name)] = variable.value }
        let result = try await Subprocess.run(
            command.utf8.contains(UInt8(ascii: "/")) ? .path(FilePath(command)) : .name(command),
            arguments: Arguments(arguments), environment: .inherit.updating(variables),
            output: .bytes(limit: Self.maximumOutputBytes), error: .string(limit: 1 << 16))
        guard result.terminationStatus.isSuccess else {
            let reason = result.standardError.split(whereSeparator: \.isNewline).joined(separator: "; ").prefix(500)
            throw CredentialError("\(command) fails: \(reason)")
        }
        return result.standardOutput
    }
}
