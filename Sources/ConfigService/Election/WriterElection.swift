/// How replicas agree on the one that writes: a key that one of them holds for a time, and must renew.
///
/// The term that comes with the key grows with every change of hands. It is not what protects the store, which refuses
/// stale writers by itself; the election only keeps replicas from taking the store from each other.
protocol WriterElection: Sendable {
    /// Takes the key if nobody holds it.
    ///
    /// - Returns: the term; nil where somebody else holds the key.
    func acquire() async throws -> UInt64?
    /// Holds the key for another lease.
    ///
    /// - Returns: the next term; nil where the key was lost.
    func renew(_ term: UInt64) async throws -> UInt64?
    /// Gives the key up, so that the next writer need not wait for it to expire.
    func resign(_ term: UInt64) async
}
