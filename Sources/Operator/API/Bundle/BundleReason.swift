/// Why a condition of a SIEBundle is as it is.
package enum BundleReason: String, ConditionReason {
    // Ready
    case available = "Available"
    /// Ready without a worker, because every group is at zero by choice.
    case dormant = "Dormant"
    case definitionNotAdvertised = "DefinitionNotAdvertised"
    case workersUnavailable = "WorkersUnavailable"
    case scalerNotReady = "ScalerNotReady"
    case rolloutStuck = "RolloutStuck"
    case suspended = "Suspended"
    case terminating = "Terminating"

    // DefinitionPublished
    case synced = "Synced"
    case conflictingOwner = "ConflictingOwner"
    case tooLarge = "TooLarge"
    case apiError = "APIError"

    // Advertised
    case matches = "Matches"
    case configServiceUnavailable = "ConfigServiceUnavailable"
    case hashPending = "HashPending"
    case restartRequired = "RestartRequired"

    // WorkersAvailable
    case allReady = "AllReady"
    case scaledToZero = "ScaledToZero"
    case unschedulable = "Unschedulable"
    case imagePullFailed = "ImagePullFailed"
    case crashLoop = "CrashLoop"
    case progressing = "Progressing"

    // AutoscalingReady
    case ready = "Ready"
    case kedaNotInstalled = "KEDANotInstalled"
    case scalerFallback = "ScalerFallback"
    case scaledObjectNotReady = "ScaledObjectNotReady"
    case disabled = "Disabled"

    // Stalled
    case duplicateBundleName = "DuplicateBundleName"
    case invalidSpec = "InvalidSpec"
    case adaptersInUse = "AdaptersInUse"
    case progressDeadlineExceeded = "ProgressDeadlineExceeded"
}
