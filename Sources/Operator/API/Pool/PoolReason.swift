/// Why a condition of a SIEPool is as it is.
package enum PoolReason: String, ConditionReason {
    // Ready
    case active = "Active"
    /// Ready without a worker, because the pool asks for none while there is no traffic.
    case dormant = "Dormant"
    case workersMissing = "WorkersMissing"
    case notVisible = "NotVisible"
    case leaseLost = "LeaseLost"
    case expired = "Expired"
    case suspended = "Suspended"
    case unknownProfile = "UnknownProfile"
    case progressing = "Progressing"
    case terminating = "Terminating"

    // Published
    case synced = "Synced"
    case conflictingOwner = "ConflictingOwner"
    case apiError = "APIError"

    // LeaseHeld
    case renewed = "Renewed"
    case renewFailed = "RenewFailed"
    case takenOver = "TakenOver"
    case deleted = "Deleted"

    // Visible
    case allReplicas = "AllReplicas"
    case replicaMissing = "ReplicaMissing"

    // WorkersAssigned
    case satisfied = "Satisfied"
    case insufficient = "Insufficient"
    case scaledToZero = "ScaledToZero"

    // Stalled, beside UnknownProfile and ConflictingOwner
    case invalidSpec = "InvalidSpec"
    case progressDeadlineExceeded = "ProgressDeadlineExceeded"
}
