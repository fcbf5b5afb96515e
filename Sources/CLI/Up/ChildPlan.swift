/// One process of the local stack: what is run, how its readiness is seen, how long it may take to stop.
struct ChildPlan: Sendable, Equatable {
    /// The name in the log prefix and in messages, unique in the stack: `nats`, `config`, `worker-1`, `gateway`.
    var name: String
    /// The absolute path of the program.
    var program: String
    var arguments: [String]
    /// Set on top of the environment that `sie` itself was started with.
    var environment: [String: String]
    /// The address that answers 200 once the process serves.
    var readiness: HTTPProbe
    /// From SIGTERM to SIGKILL.
    var stopGrace: Duration
}

/// A `GET` on 127.0.0.1 whose answer tells how far a process is.
struct HTTPProbe: Sendable, Equatable {
    var port: Int
    var path: String
}
