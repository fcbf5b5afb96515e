import NIOCore

/// Machine profiles that were asked for and are not there, per bundle: what an autoscaler reads to wake a pool.
///
/// Pairs are compared without case; the first caller's spelling becomes the label, so that one pair is one series.
/// A pair is pending from `record` until nobody asked for `inactivity`, or until `clear`.
package struct PendingDemand {
    package struct Lane: Hashable, Sendable {
        package var machineProfile: String
        package var bundle: String

        package init(machineProfile: String, bundle: String) {
            self.machineProfile = machineProfile
            self.bundle = bundle
        }

        fileprivate var folded: Lane {
            Lane(machineProfile: machineProfile.lowercased(), bundle: bundle.lowercased())
        }
    }

    /// How long demand outlives the last request for it.
    package static var inactivity: TimeAmount { .seconds(120) }

    /// One pair that is asked for and not there.
    package struct Pending: Equatable, Sendable {
        package var lane: Lane
        /// Time since it was first asked for, and since it was last asked for.
        package var age: TimeAmount
        package var idle: TimeAmount

        package init(lane: Lane, age: TimeAmount, idle: TimeAmount) {
            self.lane = lane
            self.age = age
            self.idle = idle
        }
    }

    private struct Entry {
        var label: Lane
        var since: NIODeadline
        var expiry: NIODeadline?
    }

    /// Entries stay after expiry, so that a returning pair keeps its spelling.
    private var entries: [Lane: Entry] = [:]

    package init() {}

    /// Notes a request for `lane`; returns the label whose gauge is to be set to 1.
    package mutating func record(_ lane: Lane, at now: NIODeadline) -> Lane {
        let key = lane.folded
        let label = entries[key]?.label ?? lane
        let since = entries[key].flatMap { $0.expiry == nil ? nil : $0.since } ?? now
        entries[key] = Entry(label: label, since: since, expiry: now + Self.inactivity)
        return label
    }

    /// Capacity for `lane` is there; returns the label whose gauge is to be set to 0.
    package mutating func clear(_ lane: Lane) -> Lane {
        let key = lane.folded
        entries[key]?.expiry = nil
        return entries[key]?.label ?? lane
    }

    /// Ends demand nobody renewed; returns the labels whose gauges are to be set to 0.
    package mutating func expire(at now: NIODeadline) -> [Lane] {
        var ended: [Lane] = []
        for (key, entry) in entries {
            guard let expiry = entry.expiry, expiry <= now else { continue }
            entries[key]?.expiry = nil
            ended.append(entry.label)
        }
        return ended
    }

    /// All pairs that are pending, by label.
    package func pending(at now: NIODeadline) -> [Pending] {
        entries.values.compactMap { entry in
            entry.expiry.map { expiry in
                Pending(lane: entry.label, age: now - entry.since, idle: now - (expiry - Self.inactivity))
            }
        }.sorted {
            ($0.lane.bundle, $0.lane.machineProfile) < ($1.lane.bundle, $1.lane.machineProfile)
        }
    }

    package var pending: [Lane] { entries.values.compactMap { $0.expiry == nil ? nil : $0.label } }
}
