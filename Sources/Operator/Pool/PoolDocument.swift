import JSONStream

/// A pool as `pool.json` of its ConfigMap says it, for the gateways (Kubernetes contract 2.1).
///
/// The spec is the operator's. The status is the gateways', who say there which workers the pool has; the operator keeps it
/// as it is and only moves the time of the last renewal.
package struct PoolDocument: Sendable, Hashable {
    /// Why a text is no such document.
    package struct Malformed: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String
    }

    /// What the pool asks for.
    package struct Spec: Sendable, Hashable {
        package var name: String
        /// Nil or absent leaves the bundle open.
        package var bundle: String?
        /// How many workers, by machine profile.
        package var gpus: [String: Int]
        package var ttlSeconds: Int?
        package var minimumWorkerCount: Int

        package init(
            name: String, bundle: String? = nil, gpus: [String: Int], ttlSeconds: Int? = nil,
            minimumWorkerCount: Int = 0
        ) {
            self.name = name
            self.bundle = bundle
            self.gpus = gpus
            self.ttlSeconds = ttlSeconds
            self.minimumWorkerCount = minimumWorkerCount
        }
    }

    /// More workers are not kept, so that the object stays small.
    package static let mostWorkers = 256
    /// Of the whole text.
    package static let mostBytes = 64 << 10

    package var spec: Spec
    private var status: [JSONMember]

    /// A pool that nobody has seen yet.
    package init(_ spec: Spec, now: Double) {
        self.spec = spec
        status = [
            JSONMember("state", .string(SIEPool.Status.State.pending.rawValue)), JSONMember("assigned_workers", []),
            JSONMember("created_at", .double(now)), JSONMember("last_renewed", .double(now)),
        ]
    }

    /// Reads a document of any writer: numbers may be whole or not, absent options null or missing.
    package init(text: String) throws(Malformed) {
        guard let document = try? JSONReader.decode(text.utf8) else { throw Malformed(description: "no JSON") }
        guard let spec = document["spec"], let status = document["status"]?.objectValue else {
            throw Malformed(description: "'spec' and 'status' must be objects")
        }
        self.spec = try Spec(spec)
        self.status = status
        guard let state = document["status"]?["state"]?.stringValue, SIEPool.Status.State(rawValue: state) != nil else {
            throw Malformed(description: "status.state must be pending, active or expired")
        }
    }

    // MARK: The gateways' part

    package var state: SIEPool.Status.State {
        self["state"]?.stringValue.flatMap { SIEPool.Status.State(rawValue: $0) } ?? .pending
    }

    /// In Unix seconds, as is the next; 0 where nobody says.
    package var createdAt: Double { self["created_at"]?.doubleValue ?? 0 }
    package var lastRenewed: Double { self["last_renewed"]?.doubleValue ?? 0 }

    /// Says that somebody wants the pool at `now`. What is written is always newer than what was read, because gateways
    /// pass over everything else.
    package mutating func renew(at now: Double) {
        set("last_renewed", .double(max(now, lastRenewed + 0.001)))
    }

    /// Leaves out what every renewal changes, to compare documents by the rest.
    mutating func forgetRenewal() { status.removeAll { $0.key == "last_renewed" } }

    private subscript(key: String) -> JSONValue? { status.last { $0.key == key }?.value }

    private mutating func set(_ key: String, _ value: JSONValue) {
        status.removeAll { $0.key == key }
        status.append(JSONMember(key, value))
    }

    // MARK: Writing

    /// As it is written: at most ``mostBytes`` long, without the workers where they alone would pass that. Gateways list
    /// them again.
    package var text: String {
        var document = self
        let workers = document["assigned_workers"]?.arrayValue ?? []
        if workers.count > Self.mostWorkers {
            document.set("assigned_workers", .array(Array(workers.prefix(Self.mostWorkers))))
        }
        let text = document.encoded
        guard text.utf8.count > Self.mostBytes else { return text }
        document.set("assigned_workers", [])
        return document.encoded
    }

    private var encoded: String {
        String(decoding: JSONWriter.encode(["spec": spec.document, "status": .object(status)]), as: UTF8.self)
    }
}

extension PoolDocument.Spec {
    /// What an object asks for; nil where its spec cannot be read.
    package init?(_ pool: SIEPool) {
        guard let spec = pool.spec.value, let name = pool.poolName else { return nil }
        self.init(
            name: name, bundle: spec.bundle,
            gpus: Dictionary(spec.gpus.map { ($0.machineProfile, $0.count) }) { _, last in last },
            ttlSeconds: spec.ttlSeconds, minimumWorkerCount: spec.minimumWorkerCount)
    }

    /// Reads what a ConfigMap or a gateway says.
    package init(_ document: JSONValue) throws(PoolDocument.Malformed) {
        guard let name = document["name"]?.stringValue, !name.isEmpty else {
            throw PoolDocument.Malformed(description: "spec.name must be a text")
        }
        var gpus: [String: Int] = [:]
        for member in document["gpus"]?.objectValue ?? [] {
            guard let count = member.value.intValue, count >= 0 else {
                throw PoolDocument.Malformed(description: "spec.gpus.\(member.key) must be a number of workers")
            }
            gpus[member.key] = count
        }
        let bundle = document["bundle"]?.stringValue ?? ""
        self.init(
            name: name, bundle: bundle.isEmpty ? nil : bundle, gpus: gpus,
            ttlSeconds: document["ttl_seconds"]?.intValue,
            minimumWorkerCount: document["minimum_worker_count"]?.intValue ?? 0)
    }

    /// The sum over all machine profiles.
    package var workers: Int { gpus.values.reduce(0) { $0.addingReportingOverflow($1).partialValue } }

    var document: JSONValue {
        [
            "name": .string(name), "bundle": bundle.map { .string($0) } ?? .null,
            "gpus": .object(
                gpus.sorted { $0.key < $1.key }.map { JSONMember($0.key, .int(Int64($0.value))) }),
            "ttl_seconds": ttlSeconds.map { .int(Int64($0)) } ?? .null,
            "minimum_worker_count": .int(Int64(minimumWorkerCount)),
        ]
    }
}
