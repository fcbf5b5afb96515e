/// The conditions that the operator writes.
package enum ConditionType: String, CaseIterable, Sendable {
    // Of every kind.
    case ready = "Ready"
    /// There while the operator works on the object or waits for something; absent otherwise.
    case reconciling = "Reconciling"
    /// There while only a change by somebody else can help; absent otherwise.
    case stalled = "Stalled"

    // Of SIEModel.
    case registered = "Registered"
    case routable = "Routable"
    case workersAcked = "WorkersAcked"

    // Of SIEPool.
    case published = "Published"
    case leaseHeld = "LeaseHeld"
    case visible = "Visible"
    case workersAssigned = "WorkersAssigned"

    // Of SIEBundle.
    case definitionPublished = "DefinitionPublished"
    case advertised = "Advertised"
    case workersAvailable = "WorkersAvailable"
    case autoscalingReady = "AutoscalingReady"
}
