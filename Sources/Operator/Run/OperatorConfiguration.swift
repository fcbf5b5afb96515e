import Settings

/// Everything that the operator is told at its start.
package struct OperatorConfiguration: Sendable {
    /// `host:port`, where an empty host means all addresses.
    package struct Address: Sendable, Hashable {
        package var host: String
        package var port: Int

        /// - Throws: `SettingError` for a text that is none.
        package init(_ text: String, of setting: String) throws(SettingError) {
            guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
                (0...65535).contains(port)
            else { throw SettingError("\(setting) must be HOST:PORT or :PORT, not '\(text)'") }
            var host = text[..<colon]
            if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
            self.host = host.isEmpty ? "0.0.0.0" : String(host)
            self.port = port
        }
    }

    package var metrics: Address
    package var probes: Address
    /// Where KEDA is served.
    package var scaler: Address
    package var hasElection: Bool
    package var electionID: String
    /// Whose objects are looked at; nil for those of all namespaces.
    package var watchNamespace: String?
    /// Where the operator runs: its Lease and the gateway's Service are there. Nil for the kubeconfig's or the pod's.
    package var namespace: String?
    package var configURL: String
    /// The name of the gateway's Service.
    package var gatewayService: String
    /// The file with the token for the config service and the gateway; nil for none.
    package var tokenFile: String?
    /// The file with the authorities for the config service's certificate; nil for the system's.
    package var authorityFile: String?
    /// Writes to the config service a second in the long run.
    package var configWritesPerSecond: Double
    /// Those that somebody waits for, while the service answers fast.
    package var configBulkWritesPerSecond: Double
    /// Requests to the API server a second; twice as many at once.
    package var apiRequestsPerSecond: Double
    /// After how long a deleted object goes although its effects could not be undone.
    package var finalizerSeconds: Int
    package var kubeconfig: String?
    /// What tells this process from others of its kind.
    package var podName: String
    /// What bundles' objects are named after, and what workers are told.
    package var installation: Installation
    /// Where KEDA finds the scaler, `host:port`; nil for the Service beside the operator.
    package var scalerAddress: String?
    /// The scaler's certificate; nil for one in the clear.
    package var scalerTLS: ScalerTLS.Files?
    /// The config service's Deployment, where it has to be rolled to read new bundles; nil where that is not wanted.
    package var restartedDeployment: String?
    /// How long it may take at the start to come to know what there is.
    package var startLimit = Duration.seconds(120)

    package init(
        metrics: Address, probes: Address, scaler: Address, hasElection: Bool = true,
        electionID: String = "sie-operator.sie.dev",
        watchNamespace: String? = nil, namespace: String? = nil, configURL: String,
        gatewayService: String = "sie-gateway", tokenFile: String? = nil, authorityFile: String? = nil,
        configWritesPerSecond: Double = 5, configBulkWritesPerSecond: Double = 50,
        apiRequestsPerSecond: Double = 150, finalizerSeconds: Int = 600, kubeconfig: String? = nil, podName: String,
        installation: Installation = Installation(), scalerAddress: String? = nil,
        scalerTLS: ScalerTLS.Files? = nil, restartedDeployment: String? = nil
    ) {
        self.metrics = metrics
        self.probes = probes
        self.scaler = scaler
        self.hasElection = hasElection
        self.electionID = electionID
        self.watchNamespace = watchNamespace
        self.namespace = namespace
        self.configURL = configURL
        self.gatewayService = gatewayService
        self.tokenFile = tokenFile
        self.authorityFile = authorityFile
        self.configWritesPerSecond = configWritesPerSecond
        self.configBulkWritesPerSecond = configBulkWritesPerSecond
        self.apiRequestsPerSecond = apiRequestsPerSecond
        self.finalizerSeconds = finalizerSeconds
        self.kubeconfig = kubeconfig
        self.podName = podName
        self.installation = installation
        self.scalerAddress = scalerAddress
        self.scalerTLS = scalerTLS
        self.restartedDeployment = restartedDeployment
    }
}
