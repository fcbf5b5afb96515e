import Kubernetes

/// What the operator knows of a model at the end of a reconcile; ``SIEModel/Status`` is written from it.
package struct ModelFindings: Sendable, Hashable {
    /// How far the registration is.
    package enum Registration: Sendable, Hashable {
        /// The catalogue has the model: `Created`, `AlreadyRegistered` or `Adopted`.
        case done(ModelReason, message: String)
        /// It is being sent.
        case underWay(message: String)
        /// It failed and is tried again. With `isRegistered`, the model was there before: it is still served.
        case failing(ModelReason, message: String, isRegistered: Bool = false)
        /// It failed, and only a change of the object or of somebody else can help.
        case stalled(ModelReason, message: String)
    }

    package var registration: Registration
    /// The details for the status; nil leaves those that are there.
    package var receipt: SIEModel.Registration?
    /// What the gateways say; nil where they were not asked.
    package var gateways: GatewayFold?

    package init(
        _ registration: Registration, receipt: SIEModel.Registration? = nil, gateways: GatewayFold? = nil
    ) {
        self.registration = registration
        self.receipt = receipt
        self.gateways = gateways
    }
}
