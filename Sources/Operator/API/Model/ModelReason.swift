/// Why a condition of a SIEModel is as it is.
package enum ModelReason: String, ConditionReason {
    // Ready
    case routable = "Routable"
    case acked = "Acked"
    /// Ready by the policy `Registered`.
    case registered = "Registered"
    case progressing = "Progressing"
    case registrationFailed = "RegistrationFailed"
    case gatewaysNotSynced = "GatewaysNotSynced"
    case workersNotAcked = "WorkersNotAcked"
    case suspended = "Suspended"
    case terminating = "Terminating"
    case dependencyUnavailable = "DependencyUnavailable"

    // Registered
    case created = "Created"
    case alreadyRegistered = "AlreadyRegistered"
    case adopted = "Adopted"
    case configServiceUnavailable = "ConfigServiceUnavailable"
    case natsUnavailable = "NATSUnavailable"
    case unauthorized = "Unauthorized"
    case validationFailed = "ValidationFailed"
    case appendOnlyConflict = "AppendOnlyConflict"
    case idempotencyMismatch = "IdempotencyMismatch"
    case registryUnavailable = "RegistryUnavailable"
    case payloadTooLarge = "PayloadTooLarge"

    // Routable
    case allReplicas = "AllReplicas"
    case noGatewayReplicas = "NoGatewayReplicas"
    case replicaStale = "ReplicaStale"
    case replicaUnreachable = "ReplicaUnreachable"
    case replicaUnauthorized = "ReplicaUnauthorized"
    case hashMismatch = "HashMismatch"
    case noBundle = "NoBundle"

    // WorkersAcked
    case allAcked = "AllAcked"
    case noEligibleWorkers = "NoEligibleWorkers"
    case pending = "Pending"

    // Reconciling
    case registering = "Registering"
    case waitingForGateways = "WaitingForGateways"
    case waitingForWorkers = "WaitingForWorkers"
    case retrying = "Retrying"
    case finalizing = "Finalizing"

    // Stalled, beside those of Registered
    case duplicateModelID = "DuplicateModelID"
    case invalidSpec = "InvalidSpec"
    case progressDeadlineExceeded = "ProgressDeadlineExceeded"
}
