import ArgumentParser
import FoundationEssentials
import Logging
import Observability
import Settings

/// `sie-operator run`: works until it is told to stop. Each option has an environment variable: its name in capitals, with
/// underscores.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Keep a cluster as its custom resources say.",
        discussion: """
            The cluster is that of --kubeconfig, of KUBECONFIG, the one that this process is a pod of, or that of \
            ~/.kube/config. An option's environment variable is its name in capitals with underscores, such as CONFIG_URL.
            """)

    @Option(help: "Where /metrics is served. (default :8080)")
    var metricsBindAddress: String?

    @Option(help: "Where /healthz and /readyz are served. (default :8081)")
    var healthProbeBindAddress: String?

    @Option(help: "Where KEDA's external scaler is served. (default :9090)")
    var scalerBindAddress: String?

    @Option(help: "Where KEDA finds the scaler: host:port. (default sie-operator-scaler.NAMESPACE.svc:9090)")
    var scalerAddress: String?

    @Option(
        help: "The scaler's certificate (PEM), its authorities behind it; read anew when replaced. (default: no TLS)")
    var scalerCertFile: String?

    @Option(help: "The key of the scaler's certificate (PEM).")
    var scalerKeyFile: String?

    @Option(help: "The authorities of the certificates that KEDA must show. (default: it needs none)")
    var scalerClientCAFile: String?

    @Option(help: "The TriggerAuthentication that ScaledObjects name, with caCert and, if wanted, tlsClientCert.")
    var scalerTriggerAuthentication: String?

    @Flag(help: "Roll sie-config's Deployment when it does not read new bundles by itself, as release 0.3.1 does not.")
    var restartConfigOnBundleChange = false

    @Option(help: "sie-config's Deployment. (default sie-config)")
    var configDeployment: String?

    @Option(help: "The beginning of the names of everything that bundles own. (default sie)")
    var installation: String?

    @Option(name: .customLong("worker-nats-url"), help: "Where workers find NATS; a bundle's env may say otherwise.")
    var workerNATSURL: String?

    @Option(help: "Where workers find large payloads: a directory, s3:// or gs://.")
    var workerPayloadStoreURL: String?

    @Option(help: "Whether one of several processes works and the others wait: true or false. (default true)")
    var leaderElect: String?

    @Option(help: "The name of the Lease of the process that works. (default sie-operator.sie.dev)")
    var leaderElectionID: String?

    @Option(help: "The namespace whose objects are looked at; all where it is not given.")
    var watchNamespace: String?

    @Option(help: "The namespace of the operator's Lease and of the gateway's Service. (default: the pod's)")
    var namespace: String?

    @Option(help: "The base URL of sie-config.")
    var configURL: String?

    @Option(help: "The name of the gateway's Service. (default sie-gateway)")
    var gatewayService: String?

    @Option(help: "A file with the token for sie-config and the gateway.")
    var tokenFile: String?

    @Option(help: "A file with the authorities that sign sie-config's certificate. (default: the system's)")
    var configCAFile: String?

    @Option(help: "Writes to sie-config a second: of models that it has lost, and while it is slow. (default 5)")
    var configWritesPerSecond: Double?

    @Option(help: "Other writes to sie-config a second: of models that are new to it. (default 50)")
    var configBulkWritesPerSecond: Double?

    @Option(
        name: .customLong("kube-api-qps"),
        help: "Requests to the API server a second; twice as many at once. (default 150)")
    var kubeAPIQPS: Double?

    @Option(
        name: .customLong("finalizer-timeout"),
        help: "After how many seconds a deleted object goes although its effects could not be undone. (default 600)")
    var finalizerTimeoutSeconds: Int?

    @Option(help: "A kubeconfig file.")
    var kubeconfig: String?

    @Option(help: "debug, info, warning or error. (default info)")
    var logLevel: String?

    @Option(help: "json or text. (default json)")
    var logFormat: String?

    func run() async throws {
        MemoryReturn.prepare()
        let environment = Environment(ProcessInfo.processInfo.environment)
        let format = logFormat ?? environment.string("LOG_FORMAT") ?? "json"
        guard ["json", "text"].contains(format) else {
            throw ValidationError("--log-format must be json or text, not '\(format)'")
        }
        LogConfiguration(
            level: LogConfiguration.level(named: logLevel ?? environment.string("LOG_LEVEL") ?? "info"),
            format: format == "json" ? .json : .text, summarizesRepetitions: true
        ).bootstrap()
        let logger = Logger(label: "sie.operator")
        do {
            try await OperatorApplication(try settings(environment), logger: logger).run()
        } catch {
            logger.error("sie-operator stops", metadata: ["error": "\(error)"])
            LogOutput.standardOutput.flush()
            throw ExitCode.failure
        }
    }

    private func settings(_ environment: Environment) throws(SettingError) -> OperatorConfiguration {
        func text(_ value: String?, _ variable: String) -> String? { value ?? environment.string(variable) }
        func address(_ value: String?, _ variable: String, _ fallback: String) throws(SettingError)
            -> OperatorConfiguration.Address
        {
            try OperatorConfiguration.Address(text(value, variable) ?? fallback, of: variable)
        }
        guard let configURL = text(configURL, "CONFIG_URL") else {
            throw SettingError("--config-url (CONFIG_URL) must name the base URL of sie-config")
        }
        let elects = text(leaderElect, "LEADER_ELECT") ?? "true"
        guard let hasElection = ["true": true, "false": false][elects] else {
            throw SettingError("LEADER_ELECT must be true or false, not '\(elects)'")
        }
        let installationName = text(installation, "INSTALLATION") ?? "sie"
        guard DNSLabel.isValid(installationName, longest: 20) else {
            throw SettingError("INSTALLATION must be at most 20 of a-z, 0-9 and '-', not '\(installationName)'")
        }
        func rate(_ value: Double?, _ variable: String, _ fallback: Double) throws(SettingError) -> Double {
            let rate = value ?? environment.double(variable, default: fallback)
            guard rate > 0, rate <= 10_000 else {
                throw SettingError("\(variable) must be more than 0 and at most 10000, not \(rate)")
            }
            return rate
        }
        let finalizerSeconds = finalizerTimeoutSeconds ?? environment.integer("FINALIZER_TIMEOUT", default: 600)
        guard (1...86_400).contains(finalizerSeconds) else {
            throw SettingError("FINALIZER_TIMEOUT must be from 1 to 86400 seconds, not \(finalizerSeconds)")
        }
        let certificate = text(scalerCertFile, "SCALER_CERT_FILE")
        let key = text(scalerKeyFile, "SCALER_KEY_FILE")
        let clientAuthorities = text(scalerClientCAFile, "SCALER_CLIENT_CA_FILE")
        guard (certificate == nil) == (key == nil), clientAuthorities == nil || certificate != nil else {
            throw SettingError("SCALER_CERT_FILE and SCALER_KEY_FILE go together, SCALER_CLIENT_CA_FILE with both")
        }
        let tls = certificate.flatMap { certificate in
            key.map { ScalerTLS.Files(certificate: certificate, key: $0, clientAuthorities: clientAuthorities) }
        }
        let restarts = environment.string("RESTART_CONFIG_ON_BUNDLE_CHANGE") ?? "false"
        guard let isRestarting = ["true": true, "false": false][restarts] else {
            throw SettingError("RESTART_CONFIG_ON_BUNDLE_CHANGE must be true or false, not '\(restarts)'")
        }
        return OperatorConfiguration(
            metrics: try address(metricsBindAddress, "METRICS_BIND_ADDRESS", ":8080"),
            probes: try address(healthProbeBindAddress, "HEALTH_PROBE_BIND_ADDRESS", ":8081"),
            scaler: try address(scalerBindAddress, "SCALER_BIND_ADDRESS", ":9090"), hasElection: hasElection,
            electionID: text(leaderElectionID, "LEADER_ELECTION_ID") ?? "sie-operator.sie.dev",
            watchNamespace: text(watchNamespace, "WATCH_NAMESPACE"), namespace: text(namespace, "NAMESPACE"),
            configURL: configURL, gatewayService: text(gatewayService, "GATEWAY_SERVICE") ?? "sie-gateway",
            tokenFile: text(tokenFile, "TOKEN_FILE"), authorityFile: text(configCAFile, "CONFIG_CA_FILE"),
            configWritesPerSecond: try rate(configWritesPerSecond, "CONFIG_WRITES_PER_SECOND", 5),
            configBulkWritesPerSecond: try rate(configBulkWritesPerSecond, "CONFIG_BULK_WRITES_PER_SECOND", 50),
            apiRequestsPerSecond: try rate(kubeAPIQPS, "KUBE_API_QPS", 150), finalizerSeconds: finalizerSeconds,
            kubeconfig: kubeconfig,
            podName: environment.string("POD_NAME") ?? environment.string("HOSTNAME") ?? "sie-operator",
            installation: Installation(
                name: installationName, natsURL: text(workerNATSURL, "WORKER_NATS_URL"), configURL: configURL,
                payloadStoreURL: text(workerPayloadStoreURL, "WORKER_PAYLOAD_STORE_URL"), scalerHasTLS: tls != nil,
                triggerAuthentication: text(scalerTriggerAuthentication, "SCALER_TRIGGER_AUTHENTICATION")),
            scalerAddress: text(scalerAddress, "SCALER_ADDRESS"), scalerTLS: tls,
            restartedDeployment: restartConfigOnBundleChange || isRestarting
                ? text(configDeployment, "CONFIG_DEPLOYMENT") ?? "sie-config" : nil)
    }
}
