/// Where written models, the epoch and the recent keyed answers outlive the process.
///
/// A store has one writer at a time. It claims the store, which makes every version that others hold stale, and then
/// commits against the version that the last claim or commit gave it. Readers may load at any time.
///
/// All calls block; they come from threads that may. Every backend shows the same layout to people and to other
/// releases: `models/<id with / as __>.yaml` and `epoch`; what else a backend needs for its commits starts with a dot.
package protocol ConfigStore: Sendable {
    /// Everything that is stored, as of the last commit, whether or not the process that made it reached its end.
    /// Nothing is written, so that followers of another process's store can load too.
    ///
    /// - Parameter known: the version of what the caller holds already.
    /// - Returns: nil where that version is still the latest.
    func load(unless known: StoreVersion?) throws(ConfigStoreError) -> StoredState?

    /// Makes the caller the writer: completes a commit that a crash interrupted, and makes all older versions stale.
    ///
    /// - Parameter version: of the state that was loaded.
    /// - Throws: `.stale` where somebody else has written since.
    func claim(ifVersion version: StoreVersion) throws(ConfigStoreError) -> StoreVersion

    /// Makes changes durable: all of them or none, also if the process or the machine dies at any moment.
    ///
    /// - Throws: `.unavailable` where nothing was changed, `.stale` where another writer has claimed the store, and
    ///   `.unsettled` where only `load` can tell whether the changes are there.
    func commit(_ changes: [StoredChange], ifVersion version: StoreVersion) throws(ConfigStoreError) -> StoreVersion

    /// The counter, where people edit it by hand and expect to see it at once; nil for stores that nobody edits.
    func editedEpoch() -> UInt64?

    /// Brings everything into the layout that people see. Called once, after the last commit.
    func close()
}

/// A point in the history of a store; each claim and each commit makes another. What it holds is the backend's matter: a
/// generation, an ETag, a counter.
package struct StoreVersion: Sendable, Hashable {
    package var text: String

    package init(text: String) {
        self.text = text
    }
}
