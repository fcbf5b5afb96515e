import JSONStream
import Wire

/// A pool as `pool.json` of its ConfigMap holds it, for all gateways and the operator (Kubernetes contract 2.1).
///
/// Unknown keys are passed over; the next write drops them.
package struct PoolDocument: Equatable, Sendable {
    /// Why a text is no such document.
    package struct Malformed: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package enum State: String, Sendable {
        case pending
        case active
        case expired
    }

    package struct Worker: Equatable, Sendable {
        package var name: String
        package var url: String
        package var machineProfile: String

        package init(name: String, url: String, machineProfile: String) {
            self.name = name
            self.url = url
            self.machineProfile = machineProfile
        }
    }

    /// More workers are not listed, so that an object stays small.
    package static let maximumWorkers = 256

    package var specification: PoolSpecification
    package var state: State
    package var workers: [Worker]
    /// In Unix seconds, as is the next.
    package var createdAt: Double
    package var lastRenewed: Double

    package var name: String { specification.name }

    package init(_ pool: Pool) {
        specification = pool.specification
        state = pool.state == .active ? .active : .pending
        workers = pool.members.prefix(Self.maximumWorkers).map { member in
            Worker(name: member.name, url: member.url, machineProfile: member.machineProfile)
        }
        createdAt = pool.createdAt
        lastRenewed = pool.lastRenewed
    }

    /// Reads a document of any writer: numbers may be whole or not, absent options null or missing.
    package init(text: String) throws(Malformed) {
        let document: JSONValue
        do {
            document = try JSONReader.decode(text.utf8)
        } catch {
            throw Malformed(description: "no JSON: \(error)")
        }
        guard let specification = document["spec"], let status = document["status"], status.objectValue != nil else {
            throw Malformed(description: "'spec' and 'status' must be objects")
        }
        do {
            self.specification = try PoolSpecification(specification, configured: [], mayBeEmpty: true)
        } catch {
            switch error {
            case .invalid(let reason), .wrongShape(let reason): throw Malformed(description: "spec: \(reason)")
            }
        }
        guard let state = status["state"]?.stringValue.flatMap({ State(rawValue: $0) }) else {
            throw Malformed(description: "status: 'state' must be pending, active or expired")
        }
        self.state = state
        workers = (status["assigned_workers"]?.arrayValue ?? []).prefix(Self.maximumWorkers).map { worker in
            Worker(
                name: worker["name"]?.stringValue ?? "", url: worker["url"]?.stringValue ?? "",
                machineProfile: worker["gpu"]?.stringValue ?? "")
        }
        createdAt = status["created_at"]?.doubleValue ?? 0
        lastRenewed = status["last_renewed"]?.doubleValue ?? 0
    }

    package var text: String {
        let document: JSONValue = [
            "spec": specification.document,
            "status": [
                "state": .string(state.rawValue),
                "assigned_workers": .array(
                    workers.map { worker in
                        [
                            "name": .string(worker.name), "url": .string(worker.url),
                            "gpu": .string(worker.machineProfile),
                        ]
                    }),
                "created_at": .double(createdAt),
                "last_renewed": .double(lastRenewed),
            ],
        ]
        return String(decoding: JSONWriter.encode(document), as: UTF8.self)
    }

    /// Says that somebody wants the pool at `now`. What is written is always newer than what was read: readers pass over
    /// everything else.
    package mutating func renew(at now: Double) { lastRenewed = max(now, lastRenewed + 0.001) }

    /// Says which workers a gateway has given to the pool.
    /// - Returns: whether that is news.
    package mutating func assign(_ pool: Pool) -> Bool {
        let assigned = PoolDocument(pool)
        guard assigned.state != state || assigned.workers != workers else { return false }
        (state, workers) = (assigned.state, assigned.workers)
        return true
    }

    func isExpired(at now: Double) -> Bool {
        name != PoolTable.defaultName
            && now - lastRenewed > Double(specification.timeToLiveSeconds ?? Pool.usualTimeToLiveSeconds)
    }
}
