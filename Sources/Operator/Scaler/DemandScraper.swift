import CurlClient
import JSONStream
import Kubernetes
import Logging
import NIOConcurrencyHelpers
import Observability
import ServiceLifecycle

/// Asks every replica of the gateway for the demand and feeds what they answer: several times a second while somebody
/// follows it, else now and then. One that is slow keeps no other one waiting.
package struct DemandScraper: Service {
    package struct Options: Sendable {
        /// A group at zero wakes up as long after the first request as this, at most.
        package var interval = Duration.milliseconds(500)
        /// The same while nobody follows the demand: often enough that the first who asks is told what is fresh.
        package var unfollowedInterval = Duration.seconds(5)
        package var timeout = Duration.seconds(2)
        /// The longest document that is read: thousands of workers.
        package var longestDocument = 8 << 20

        package init() {}
    }

    private let feed: DemandFeed
    private let fleet: @Sendable () -> [GatewayReplica]
    private let pools: @Sendable () -> PoolDemand
    private let curl: CurlClient
    private let token: BearerToken
    private let options: Options
    private let demand: MetricFamily<Gauge>?
    private let logger: Logger

    /// - Parameters:
    ///   - fleet: the replicas that there are now.
    ///   - pools: what pools ask for now.
    ///   - demand: shows the signals by `bundle`, `profile` and `signal`.
    package init(
        _ feed: DemandFeed, fleet: @escaping @Sendable () -> [GatewayReplica],
        pools: @escaping @Sendable () -> PoolDemand = { PoolDemand() }, curl: CurlClient, token: BearerToken,
        options: Options = Options(), demand: MetricFamily<Gauge>? = nil, logger: Logger
    ) {
        self.feed = feed
        self.fleet = fleet
        self.pools = pools
        self.curl = curl
        self.token = token
        self.options = options
        self.demand = demand
        self.logger = logger
    }

    package func run() async {
        await cancelWhenGracefulShutdown {
            // Replicas that are being asked: an answer that takes long is not asked for again.
            let asked = NIOLockedValueBox<Set<String>>([])
            await withDiscardingTaskGroup { group in
                var shown: Set<WorkerGroupName> = []
                var silence = Silence()
                var lastRound: ContinuousClock.Instant?
                while !Task.isCancelled {
                    let now = ContinuousClock.now
                    let isDue = lastRound.map { $0.duration(to: now) >= options.unfollowedInterval } ?? true
                    guard isDue || feed.isFollowed else {
                        try? await Task.sleep(for: options.interval)
                        continue
                    }
                    lastRound = now
                    let replicas = fleet().filter(\.isReady)
                    let names = Dictionary(replicas.map { ($0.id, $0.pod) }) { first, _ in first }
                    let pools = pools()
                    feed.update { book, now in
                        book.follow(names, now: now)
                        book.take(pools)
                        book.tick(now: now)
                    }
                    for replica in replicas where asked.withLockedValue({ $0.insert(replica.id).inserted }) {
                        group.addTask {
                            await ask(replica)
                            asked.withLockedValue { _ = $0.remove(replica.id) }
                        }
                    }
                    show(&shown)
                    tell(&silence)
                    try? await Task.sleep(for: options.interval)
                }
                group.cancelAll()
            }
        }
    }

    private func ask(_ replica: GatewayReplica) async {
        guard let demand = await demand(of: replica) else { return }
        feed.update { book, now in book.take(demand, of: replica.id, now: now) }
    }

    private func demand(of replica: GatewayReplica) async -> GatewayDemand? {
        guard let response = await get("/v1/demand", of: replica) else { return nil }
        switch response.status {
        case 200: return (try? JSONReader.decode(response.body)).flatMap { GatewayDemand($0) }
        // A gateway of release 0.3.1, which tells the same in its metrics.
        case 404:
            guard let page = await get("/metrics", of: replica), page.status == 200 else { return nil }
            return GatewayDemand(metrics: page.body)
        default: return nil
        }
    }

    private func get(_ path: String, of replica: GatewayReplica) async -> CurlResponse? {
        var request = CurlRequest("GET", "\(replica.url)\(path)")
        request.headers = token.headers
        request.timeouts = CurlTimeouts(connect: options.timeout, total: options.timeout)
        request.proxy = .none
        return try? await curl.perform(request, bodyLimitBytes: options.longestDocument)
    }

    /// Shows what is known, and nothing of groups that nobody knows any more.
    private func show(_ shown: inout Set<WorkerGroupName>) {
        guard let demand else { return }
        let all = feed.all
        for group in shown.subtracting(all.keys) {
            for signal in ["pending", "queue", "leased", "floor"] {
                demand.remove(group.bundle, group.machineProfile, signal)
            }
        }
        for (group, signals) in all {
            let values = [
                ("pending", signals.isPending ? 1 : 0), ("queue", signals.queuedItems), ("leased", signals.leased),
                ("floor", signals.floor),
            ]
            for (signal, value) in values { demand.with(group.bundle, group.machineProfile, signal).set(Double(value)) }
        }
        shown = Set(all.keys)
    }

    /// Which replicas do not answer, and since when it is these.
    private struct Silence {
        /// As long as an answer is fresh: a replica that has just come is given time.
        static let patience = Duration.seconds(DemandBook.freshSeconds)

        var pods: [String] = []
        var told: [String] = []
        var since = ContinuousClock.now
    }

    /// Says which replicas do not answer, once for each change that lasts.
    private func tell(_ silence: inout Silence) {
        let missing = feed.missing
        if missing != silence.pods { silence = Silence(pods: missing, told: silence.told) }
        let lasts = silence.since.duration(to: .now) >= Silence.patience
        guard missing != silence.told, missing.isEmpty || lasts else { return }
        silence.told = missing
        if missing.isEmpty {
            logger.info("All gateway replicas tell their demand")
        } else {
            logger.warning(
                "Gateway replicas do not tell their demand",
                metadata: ["pods": .string(missing.joined(separator: ", "))])
        }
    }
}
