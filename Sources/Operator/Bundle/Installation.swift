/// What the objects of bundles are named after, and what workers are told of where they run.
package struct Installation: Sendable, Hashable {
    /// The beginning of all names, such as `sie`.
    package var name: String
    /// Where workers find the message queue; nil leaves it to each bundle's `env`.
    package var natsURL: String?
    /// Where workers find the config service.
    package var configURL: String?
    /// Where workers find payloads that are larger than a message.
    package var payloadStoreURL: String?
    /// Where KEDA finds the operator's scaler: `host:port`.
    package var scalerAddress: String
    /// Whether KEDA has to use TLS with the scaler.
    package var scalerHasTLS: Bool
    /// The TriggerAuthentication that gives KEDA the authority of the scaler's certificate, and a certificate of its own
    /// where the scaler wants one; it is in the bundles' namespace.
    package var triggerAuthentication: String?

    package init(
        name: String = "sie", natsURL: String? = nil, configURL: String? = nil, payloadStoreURL: String? = nil,
        scalerAddress: String = "sie-operator-scaler:9090", scalerHasTLS: Bool = false,
        triggerAuthentication: String? = nil
    ) {
        self.name = name
        self.natsURL = natsURL
        self.configURL = configURL
        self.payloadStoreURL = payloadStoreURL
        self.scalerAddress = scalerAddress
        self.scalerHasTLS = scalerHasTLS
        self.triggerAuthentication = triggerAuthentication
    }
}
