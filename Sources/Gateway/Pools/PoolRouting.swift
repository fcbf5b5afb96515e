/// The pools as routing sees them: an immutable picture.
///
/// A worker started for a pool pulls from a queue of the pool's name, and that queue is for callers that ask for the pool.
/// A pool may also hold workers of a shared queue; who asks for it then is served through that queue.
package struct PoolRouting: Equatable, Sendable {
    private struct Entry: Equatable {
        var machineProfiles: [String]
        var members: [Pool.Member]
    }

    private var entries: [String: Entry] = [:]
    /// What the pools lack.
    package let missing: [PendingDemand.Lane]

    package init(_ pools: [Pool] = [], missing: [PendingDemand.Lane] = []) {
        self.missing = missing
        for pool in pools where !pool.isDefault {
            entries[pool.name] = Entry(
                machineProfiles: pool.specification.requirements.map(\.machineProfile), members: pool.members)
        }
    }

    package var isEmpty: Bool { entries.isEmpty }

    /// Whether a pool is held by somebody: what nobody asked for must not go there.
    package func isReserved(_ pool: String) -> Bool { entries[pool] != nil }

    /// The queue through which a held pool serves a bundle and a machine profile (`""` for any): the pool's own before a
    /// shared one. Nil where it has no such worker.
    package func queue(of pool: String, bundle: String, machineProfile: String) -> String? {
        let queues = (entries[pool]?.members ?? []).filter { member in
            member.bundle.lowercased() == bundle.lowercased()
                && (machineProfile.isEmpty || member.machineProfile.equalsIgnoringASCIICase(machineProfile))
        }.map(\.queue)
        return queues.contains(pool) ? pool : queues.min()
    }

    /// The first machine profile that a held pool asks for: what is missing when nobody names a profile.
    package func usualMachineProfile(of pool: String) -> String? { entries[pool]?.machineProfiles.first }
}
