import JSONStream
import Wire

/// What somebody asked of a pool: its name and the workers it needs (gateway contract 7.1).
package struct PoolSpecification: Equatable, Sendable {
    /// Why a body is no pool. The message is what the caller reads.
    package enum Rejection: Error, Equatable, Sendable {
        /// Well-formed, but not what belongs there: 422.
        case wrongShape(String)
        /// The right shape and the wrong value: 400.
        case invalid(String)
    }

    /// Workers by machine profile, as the caller spelled it.
    package struct Requirement: Equatable, Sendable {
        package var machineProfile: String
        package var count: Int

        package init(machineProfile: String, count: Int) {
            self.machineProfile = machineProfile
            self.count = count
        }
    }

    package var name: String
    /// The bundle its workers must serve; nil for any.
    package var bundle: String?
    package var requirements: [Requirement]
    /// How long it lives after it was last renewed; nil for the usual time.
    package var timeToLiveSeconds: Int?
    package var minimumWorkerCount: Int
    /// What newer clients send beside: kept and shown as it came, in their order.
    package var additions: [JSONMember] = []

    package init(
        name: String, bundle: String? = nil, requirements: [Requirement], timeToLiveSeconds: Int? = nil,
        minimumWorkerCount: Int = 0
    ) {
        self.name = name
        self.bundle = bundle
        self.requirements = requirements
        self.timeToLiveSeconds = timeToLiveSeconds
        self.minimumWorkerCount = minimumWorkerCount
    }

    private static let additionKeys: Set = ["gpu_caps", "queue_pool", "pinned_models"]

    /// Reads the body of a request.
    ///
    /// - Parameters:
    ///   - configured: machine profiles of the cluster; empty means that any is accepted.
    ///   - mayBeEmpty: whether it may ask for no worker at all, as a stored one does that named no profile.
    package init(_ body: JSONValue, configured: [String], mayBeEmpty: Bool = false) throws(Rejection) {
        guard let members = body.objectValue else { throw .wrongShape("the body must be an object") }
        guard let name = body["name"]?.stringValue else { throw .wrongShape("'name' must be a string") }
        guard !name.isEmpty else { throw .invalid("Pool name is required") }
        guard Subjects.isValidPool(name) else {
            throw .invalid("Pool name '\(name)' must be 1 to 63 letters, digits, '-' or '_'")
        }
        self.init(
            name: name, bundle: try Self.bundle(body["bundle"]), requirements: try Self.requirements(body["gpus"]),
            timeToLiveSeconds: try Self.number(body["ttl_seconds"], "ttl_seconds"),
            minimumWorkerCount: try Self.number(body["minimum_worker_count"], "minimum_worker_count") ?? 0)
        additions = members.filter { Self.additionKeys.contains($0.key) }
        // Clients of the 0.10 line may leave the key out; one that sends it empty asks for nothing.
        if !mayBeEmpty, body["gpus"]?.isNull == false, requirements.isEmpty {
            throw .invalid("GPU requirements are required")
        }
        guard !configured.isEmpty else { return }
        let unknown = requirements.map(\.machineProfile).filter { profile in
            !configured.contains { $0.equalsIgnoringASCIICase(profile) }
        }
        guard unknown.isEmpty else {
            func list(_ names: [String]) -> String {
                String(decoding: JSONWriter.encode(.array(names.map { .string($0) })), as: UTF8.self)
            }
            throw .invalid("Unknown machine profiles: \(list(unknown.sorted())). Valid profiles: \(list(configured))")
        }
    }

    private static func bundle(_ value: JSONValue?) throws(Rejection) -> String? {
        guard let value, !value.isNull else { return nil }
        guard let bundle = value.stringValue else { throw .wrongShape("'bundle' must be a string") }
        return bundle.isEmpty ? nil : bundle
    }

    private static func requirements(_ value: JSONValue?) throws(Rejection) -> [Requirement] {
        guard let value, !value.isNull else { return [] }
        guard let members = value.objectValue else { throw .wrongShape("'gpus' must be an object") }
        var requirements: [Requirement] = []
        for member in members {
            guard let count = try number(member.value, "gpus.\(member.key)") else {
                throw .wrongShape("'gpus.\(member.key)' must be a number of workers")
            }
            requirements.removeAll { $0.machineProfile == member.key }
            requirements.append(Requirement(machineProfile: member.key, count: count))
        }
        return requirements
    }

    private static func number(_ value: JSONValue?, _ name: String) throws(Rejection) -> Int? {
        guard let value, !value.isNull else { return nil }
        guard let number = value.intValue, 0...Int(UInt32.max) ~= number else {
            throw .wrongShape("'\(name)' must be a whole number from 0 to \(UInt32.max)")
        }
        return number
    }

    package var document: JSONValue {
        .object(
            [
                JSONMember("name", .string(name)),
                JSONMember("bundle", bundle.map { .string($0) } ?? .null),
                JSONMember(
                    "gpus", .object(requirements.map { JSONMember($0.machineProfile, .int(Int64($0.count))) })),
                JSONMember("ttl_seconds", timeToLiveSeconds.map { .int(Int64($0)) } ?? .null),
                JSONMember("minimum_worker_count", .int(Int64(minimumWorkerCount))),
            ] + additions)
    }
}
