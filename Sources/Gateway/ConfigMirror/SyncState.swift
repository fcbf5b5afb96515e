/// Where this gateway stands relative to `sie-config`: the last epoch it applied, and the bundle set it holds.
///
/// A value-type state machine: it is fed what the control plane says and decides when a full bootstrap is due.
package struct SyncState: Equatable, Sendable {
    package enum Decision: Equatable, Sendable {
        case inSync
        case bootstrap
        /// The control plane went back (restored from a backup): bootstrap, then take its epoch although it is lower.
        case bootstrapAndRewind(to: UInt64)
    }

    /// Last applied epoch; only moves forward, except by `rewind`.
    package private(set) var epoch: UInt64 = 0
    /// `bundles_hash` of the installed bundles, opaque; empty before the first bootstrap.
    package private(set) var bundlesHash = ""

    package init() {}

    /// Judges a poll of `GET /v1/configs/epoch`. The rewind is looked at first, so that a rewind together with changed
    /// bundles takes one bootstrap.
    package func decide(remoteEpoch: UInt64, remoteBundlesHash: String) -> Decision {
        if remoteEpoch < epoch { return .bootstrapAndRewind(to: remoteEpoch) }
        let drifted = !remoteBundlesHash.isEmpty && remoteBundlesHash != bundlesHash
        return remoteEpoch > epoch || drifted ? .bootstrap : .inSync
    }

    package mutating func advance(to remote: UInt64) { epoch = max(epoch, remote) }

    package mutating func rewind(to remote: UInt64) { epoch = remote }

    /// A snapshot was applied. `bundlesHash` is the one read before the bundles were fetched: if they changed in
    /// between, the next poll sees a difference and fetches again.
    package mutating func applied(snapshotEpoch: UInt64, bundlesHash: String) {
        advance(to: snapshotEpoch)
        self.bundlesHash = bundlesHash
    }
}
