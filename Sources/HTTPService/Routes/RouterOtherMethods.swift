import HTTPTypes
public import Hummingbird

extension Router {
    /// Answers the methods that a known path does not take with 405 and an `allow` header. Call after the last route.
    ///
    /// The error goes through the router's middleware like any other.
    ///
    /// - Parameter headAnswersGet: The router was made with `autoGenerateHeadEndpoints`, so HEAD is allowed where GET is.
    public func refuseOtherMethods(headAnswersGet: Bool) {
        let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]
        for known in Dictionary(grouping: routes, by: \.path.description).values {
            guard let routerPath = known.first?.path else { continue }
            var allowed = Set(known.map(\.method))
            if headAnswersGet, allowed.contains(.get) { allowed.insert(.head) }
            let allow = methods.filter(allowed.contains).map(\.rawValue).joined(separator: ",")
            for method in methods where !allowed.contains(method) {
                on(routerPath, method: method) { _, _ -> Response in
                    throw HTTPError(.methodNotAllowed, headers: [.allow: allow], message: "Method Not Allowed")
                }
            }
        }
    }
}
