import CurlClient
import JSONStream
import Observability
import Synchronization

/// Asks replicas of the gateway whether they route a model: a few at a time for a model, some more over all models, and
/// for a second nobody that has just not answered.
package final class GatewayProber: Sendable {
    private let curl: CurlClient
    private let token: BearerToken
    private let timeout: Duration
    private let perModel: Int
    private let durations: Histogram?
    private let turns: Turns
    /// Replicas that did not answer, since when, and what was wrong.
    private let silent = Mutex<[String: (since: ContinuousClock.Instant, reason: String)]>([:])

    /// - Parameters:
    ///   - perModel: how many replicas are asked about one model at a time.
    ///   - atOnce: how many requests there are at a time over all models.
    ///   - durations: takes how long answers take.
    package init(
        _ curl: CurlClient, token: BearerToken, timeout: Duration = .seconds(3), perModel: Int = 8, atOnce: Int = 64,
        durations: Histogram? = nil
    ) {
        self.curl = curl
        self.token = token
        self.timeout = timeout
        self.perModel = max(1, perModel)
        self.durations = durations
        turns = Turns(atOnce)
    }

    /// Asks replicas about a model.
    ///
    /// - Returns: the answers by the replicas' ids.
    package func ask(_ replicas: [GatewayReplica], about modelID: String) async -> [String: ReplicaReport.Answer] {
        await withTaskGroup(of: (String, ReplicaReport.Answer).self) { group in
            for replica in replicas.prefix(perModel) {
                group.addTask { (replica.id, await self.ask(replica, about: modelID)) }
            }
            var rest = replicas.dropFirst(perModel)
            var answers: [String: ReplicaReport.Answer] = [:]
            while let (id, answer) = await group.next() {
                answers[id] = answer
                guard let replica = rest.popFirst() else { continue }
                group.addTask { (replica.id, await self.ask(replica, about: modelID)) }
            }
            return answers
        }
    }

    private func ask(_ replica: GatewayReplica, about modelID: String) async -> ReplicaReport.Answer {
        await turns.take { await answer(of: replica, about: modelID) }
    }

    private func answer(of replica: GatewayReplica, about modelID: String) async -> ReplicaReport.Answer {
        if let reason = silence(of: replica) { return .unreachable(problem: reason) }
        var request = CurlRequest("GET", "\(replica.url)/v1/configs/models/\(ModelPath.encode(modelID))/status")
        request.headers = token.headers
        request.timeouts = CurlTimeouts(connect: timeout, total: timeout)
        request.proxy = .none
        let began = ContinuousClock.now
        do throws(CurlError) {
            let response = try await curl.perform(request, bodyLimitBytes: 1 << 20)
            durations?.observe(began.duration(to: .now))
            return ReplicaReport.Answer(
                status: response.status, body: (try? JSONReader.decode(response.body)) ?? .null)
        } catch {
            if error != .cancelled, error != .shutDown {
                silent.withLock { $0[replica.id] = (.now, "\(error)") }
            }
            return .unreachable(problem: "\(error)")
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
