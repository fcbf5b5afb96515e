import CurlClient
import JSONStream
import Observability
import Synchronization

/// Asks replicas of the gateway whether they route a model or know a pool: a few at a time for each of them, some more over
/// all, and for a second nobody that has just not answered.
package final class GatewayProber: Sendable {
    /// What came back of a request.
    private enum Answer: Sendable {
        case response(status: Int, body: JSONValue)
        case none(problem: String)
    }

    private let curl: CurlClient
    private let token: BearerToken
    private let timeout: Duration
    private let atATime: Int
    private let durations: Histogram?
    private let turns: Turns
    /// Replicas that did not answer, since when, and what was wrong.
    private let silent = Mutex<[String: (since: ContinuousClock.Instant, reason: String)]>([:])

    /// - Parameters:
    ///   - atATime: how many replicas are asked about one thing at a time.
    ///   - atOnce: how many requests there are at a time over all.
    ///   - durations: takes how long answers take.
    package init(
        _ curl: CurlClient, token: BearerToken, timeout: Duration = .seconds(3), atATime: Int = 8, atOnce: Int = 64,
        durations: Histogram? = nil
    ) {
        self.curl = curl
        self.token = token
        self.timeout = timeout
        self.atATime = max(1, atATime)
        self.durations = durations
        turns = Turns(atOnce)
    }

    /// Asks replicas about a model.
    ///
    /// - Returns: the answers by the replicas' ids.
    package func ask(_ replicas: [GatewayReplica], about modelID: String) async -> [String: ReplicaReport.Answer] {
        await ask(replicas, path: "/v1/configs/models/\(ModelPath.encode(modelID))/status").mapValues {
            answer -> ReplicaReport.Answer in
            switch answer {
            case .response(let status, let body): ReplicaReport.Answer(status: status, body: body)
            case .none(let problem): .unreachable(problem: problem)
            }
        }
    }

    /// Asks replicas about a pool, whose name is a DNS label.
    ///
    /// - Returns: the answers by the replicas' ids.
    package func ask(_ replicas: [GatewayReplica], aboutPool name: String) async -> [String: PoolReport.Answer] {
        await ask(replicas, path: "/v1/pools/\(name)").mapValues { answer -> PoolReport.Answer in
            switch answer {
            case .response(let status, let body): PoolReport.Answer(status: status, body: body)
            case .none(let problem): .unreachable(problem: problem)
            }
        }
    }

    private func ask(_ replicas: [GatewayReplica], path: String) async -> [String: Answer] {
        await withTaskGroup(of: (String, Answer).self) { group in
            for replica in replicas.prefix(atATime) {
                group.addTask { (replica.id, await self.ask(replica, path)) }
            }
            var rest = replicas.dropFirst(atATime)
            var answers: [String: Answer] = [:]
            while let (id, answer) = await group.next() {
                answers[id] = answer
                guard let replica = rest.popFirst() else { continue }
                group.addTask { (replica.id, await self.ask(replica, path)) }
            }
            return answers
        }
    }

    private func ask(_ replica: GatewayReplica, _ path: String) async -> Answer {
        await turns.take { await answer(of: replica, path) }
    }

    private func answer(of replica: GatewayReplica, _ path: String) async -> Answer {
        if let reason = silence(of: replica) { return .none(problem: reason) }
        var request = CurlRequest("GET", "\(replica.url)\(path)")
        request.headers = token.headers
        request.timeouts = CurlTimeouts(connect: timeout, total: timeout)
        request.proxy = .none
        let began = ContinuousClock.now
        do throws(CurlError) {
            let response = try await curl.perform(request, bodyLimitBytes: 1 << 20)
            durations?.observe(began.duration(to: .now))
            return .response(status: response.status, body: (try? JSONReader.decode(response.body)) ?? .null)
        } catch {
            if error != .cancelled, error != .shutDown {
                silent.withLock { $0[replica.id] = (.now, "\(error)") }
            }
            return .none(problem: "\(error)")
        }
    }

    /// What was wrong within the last second.
    private func silence(of replica: GatewayReplica) -> String? {
        silent.withLock { silent in
            guard let last = silent[replica.id] else { return nil }
            if last.since.duration(to: .now) < .seconds(1) { return last.reason }
            silent[replica.id] = nil
            return nil
        }
    }
}
