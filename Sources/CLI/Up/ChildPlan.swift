/// One process of the local stack: what is run, how its readiness is seen, how long it may take to stop.
package struct ChildPlan: Sendable, Equatable {
    /// The name in the log prefix and in messages, unique in the stack: `nats`, `config`, `worker-1`, `gateway`.
    package var name: String
    /// The absolute path of the program.
    package var program: String
    package var arguments: [String]
    /// Set on top of the environment that `sie` itself was started with.
    package var environment: [String: String]
    /// The address that answers 200 once the process serves.
    package var readiness: HTTPProbe
    /// From SIGTERM to SIGKILL.
    package var stopGrace: Duration
}

/// A `GET` on 127.0.0.1 whose answer tells how far a process is.
package struct HTTPProbe: Sendable, Equatable {
    package var port: Int
    package var path: String
}
