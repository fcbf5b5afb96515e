/// All that requests which look alike have in common, once one of them has been routed to workers that are there.
final class ServedRoute: Sendable {
    /// The model as callers spell it, without a bundle in front.
    let model: String
    let route: Route
    let address: WorkAddress?
    let series: AnswerSeries

    init(model: String, route: Route, address: WorkAddress?, series: AnswerSeries) {
        self.model = model
        self.route = route
        self.address = address
        self.series = series
    }
}

/// The routes found lately. What depends on catalogue, fleet and pools is found again after each change of them.
struct ServedRoutes {
    /// What of a request decides about its route.
    struct Key: Hashable {
        var target: String
        /// Named in the body and not in the target.
        var model: String?
        var machineProfile: String?
        var pool: String?

        init(_ call: InferenceCall, _ body: InferenceBody) {
            target = call.target
            model = body.model
            machineProfile = call.machineProfileHeader
            pool = call.poolHeader
        }
    }

    /// Targets come from callers, so there must be a bound.
    private static let maximumCount = 4096

    private var routes: [Key: ServedRoute] = [:]

    subscript(key: Key) -> ServedRoute? { routes[key] }

    mutating func keep(_ route: ServedRoute, for key: Key) {
        if routes.count >= Self.maximumCount { routes.removeAll(keepingCapacity: true) }
        routes[key] = route
    }

    mutating func removeAll() {
        if !routes.isEmpty { routes.removeAll(keepingCapacity: true) }
    }
}
