/// When a model counts as ready, and how long that may take.
package struct ReadinessPolicy: Sendable, Equatable {
    package enum Condition: String, Sendable, CaseIterable {
        /// Every bundle of the model is acknowledged by every worker that is there.
        case acked
        /// The gateway can route to a bundle, whether workers are there or not: for clusters that idle at zero.
        case routable
    }

    package var condition: Condition
    /// From the post to the last look.
    package var timeout: Duration
    package var interval: Duration
    /// The longest that one look may take.
    package var callTimeout: Duration
    /// How many looks in a row must find the model ready; more than one samples several replicas of a gateway.
    package var consecutive: Int
    /// Whether the gateway must have reached the epoch of the write.
    package var requiresEpoch: Bool

    package init(
        condition: Condition = .acked, timeout: Duration = .seconds(180), interval: Duration = .seconds(5),
        callTimeout: Duration = .seconds(15), consecutive: Int = 1, requiresEpoch: Bool = false
    ) {
        self.condition = condition
        self.timeout = timeout
        self.interval = interval
        self.callTimeout = callTimeout
        self.consecutive = consecutive
        self.requiresEpoch = requiresEpoch
    }
}
