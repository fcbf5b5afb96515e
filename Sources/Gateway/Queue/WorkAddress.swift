import Wire

/// Where the work items of a model on a lane are published and what they all say: made once for many requests.
package final class WorkAddress: Sendable {
    let route: Route
    let subject: String
    /// Where messages with several items go.
    let batchSubject: String
    let template: WorkItemTemplate

    package init(_ route: Route, operation: WorkItem.Operation, routerID: String) {
        self.route = route
        subject = Subjects.work(model: route.modelID, pool: route.pool)
        batchSubject = Subjects.batch(model: route.modelID, pool: route.pool)
        var shared = WorkItem()
        shared.operation = operation.rawValue
        shared.modelID = route.modelID
        shared.profileID = route.profileID
        shared.pool = route.pool
        shared.machineProfile = route.machineProfile
        shared.bundleConfigHash = route.bundleConfigHash
        shared.routerID = routerID
        template = WorkItemTemplate(shared)
    }

    var bundle: String { route.bundle }
    var pool: String { route.pool }
}
