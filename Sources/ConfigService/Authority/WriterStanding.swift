/// Whether this process may write: always where it is alone, as long as it leads where several share a store.
protocol WriterStanding: Sendable {
    /// Whether a write may begin now.
    var mayWrite: Bool { get }
    /// The store was claimed by another process.
    func wasSuperseded()
}

/// The standing of a service of one replica.
struct SoleWriter: WriterStanding {
    var mayWrite: Bool { true }

    /// A second process at the same store, during a rollout say, is no reason to stop: what it wrote is loaded.
    func wasSuperseded() {}
}
