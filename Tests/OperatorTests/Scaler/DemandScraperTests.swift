import CurlClient
import Logging
import NIOConcurrencyHelpers
import Observability
import Operator
import TestSupport
import Testing

@Suite("Scraper of demand", .timeLimit(.minutes(1)))
struct DemandScraperTests {
    private static let group = WorkerGroupName(bundle: "default", machineProfile: "l4")
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let quiet = #"{"pending":[],"workers":[]}"#
    private static let wanted =
        #"{"pending":[{"machine_profile":"l4","bundle":"default","age_seconds":0,"idle_seconds":0}],"workers":[]}"#

    private func replica(_ id: String, _ server: LoopbackHTTPServer) -> GatewayReplica {
        GatewayReplica(id: id, pod: "gateway-\(id)", address: "127.0.0.1", port: server.port)
    }

    private func scrape(
        _ feed: DemandFeed, _ replicas: [GatewayReplica], demand: MetricFamily<Gauge>? = nil, isFollowed: Bool = true,
        _ body: () async throws -> Void
    ) async throws {
        var options = DemandScraper.Options()
        options.interval = .milliseconds(20)
        options.unfollowedInterval = .milliseconds(400)
        if isFollowed { _ = signals(feed) }
        let scraper = DemandScraper(
            feed, fleet: { replicas }, curl: try CurlClient(), token: BearerToken(file: nil), options: options,
            demand: demand, logger: Self.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await scraper.run() }
            defer { tasks.cancelAll() }
            try await body()
        }
    }

    private func signals(_ feed: DemandFeed) -> DemandBook.Signals? { try? feed.signals(of: Self.group) }

    @Test("demand that one replica has is known within a second, and shown")
    func wake() async throws {
        let isWanted = NIOLockedValueBox(false)
        let first = try await LoopbackHTTPServer { _, _ in .text(Self.quiet) }
        let second = try await LoopbackHTTPServer { _, _ in
            .text(isWanted.withLockedValue { $0 } ? Self.wanted : Self.quiet)
        }
        let registry = MetricsRegistry()
        let gauge = registry.gauge("demand", help: "", labels: ["bundle", "profile", "signal"])
        let feed = DemandFeed()
        try await scrape(feed, [replica("a", first), replica("b", second)], demand: gauge) {
            try await eventually("a full round") { signals(feed) == .init() }
            let began = ContinuousClock.now
            isWanted.withLockedValue { $0 = true }
            try await eventually("the demand") { signals(feed)?.isPending == true }
            #expect(began.duration(to: .now) < .seconds(1))
            try await eventually("the metric") {
                String(decoding: registry.render(), as: UTF8.self)
                    .contains(#"demand{bundle="default",profile="l4",signal="pending"} 1"#)
            }
        }
        #expect(first.requests.allSatisfy { $0.method == "GET" && $0.path == "/v1/demand" })
    }

    @Test("a replica that never answers keeps nobody else waiting, and nothing is said without it")
    func silent() async throws {
        let count = NIOLockedValueBox(0)
        let first = try await LoopbackHTTPServer { _, _ in
            count.withLockedValue { $0 += 1 }
            return .text(Self.wanted)
        }
        let second = try await LoopbackHTTPServer { _, _ in .silence }
        let feed = DemandFeed()
        try await scrape(feed, [replica("a", first), replica("b", second)]) {
            try await eventually("many answers") { count.withLockedValue { $0 } > 10 }
            #expect(signals(feed) == nil)
            #expect(feed.missing == ["gateway-b"])
            // It is gathered all the same.
            #expect(feed.all[Self.group]?.isPending == true)
        }
        #expect(second.requests.count <= 2)
    }

    @Test(
        "answers that are none are none",
        arguments: [(200, "{}"), (200, "x"), (404, quiet), (500, quiet), (401, quiet)])
    func broken(_ status: Int, _ body: String) async throws {
        let count = NIOLockedValueBox(0)
        let server = try await LoopbackHTTPServer { _, _ in
            count.withLockedValue { $0 += 1 }
            return .text(body, status: status)
        }
        let feed = DemandFeed()
        try await scrape(feed, [replica("a", server)]) {
            try await eventually("some answers") { count.withLockedValue { $0 } > 3 }
            #expect(signals(feed) == nil)
        }
    }

    @Test("while nobody follows the demand it is asked for now and then; the first question changes that")
    func unfollowed() async throws {
        let times = NIOLockedValueBox<[ContinuousClock.Instant]>([])
        let server = try await LoopbackHTTPServer { _, _ in
            times.withLockedValue { $0.append(.now) }
            return .text(Self.quiet)
        }
        let feed = DemandFeed()
        try await scrape(feed, [replica("a", server)], isFollowed: false) {
            try await eventually("two rounds") { times.withLockedValue { $0.count } >= 2 }
            #expect(!feed.isFollowed)
            let slow = times.withLockedValue { $0[0].duration(to: $0[1]) }
            #expect(slow > .milliseconds(300))
            #expect(signals(feed) == .init(), "what was gathered is fresh")
            #expect(feed.isFollowed)
            let before = times.withLockedValue { $0.count }
            try await eventually("quick rounds") { times.withLockedValue { $0.count } >= before + 10 }
            let quick = times.withLockedValue { $0[before].duration(to: $0[before + 9]) }
            #expect(quick < slow * 9)
        }
    }

    @Test("replicas that are not ready are not asked")
    func notReady() async throws {
        let ready = try await LoopbackHTTPServer { _, _ in .text(Self.quiet) }
        let other = try await LoopbackHTTPServer { _, _ in .text(Self.wanted) }
        var waiting = replica("b", other)
        waiting.isReady = false
        let feed = DemandFeed()
        try await scrape(feed, [replica("a", ready), waiting]) {
            try await eventually("a full round") { signals(feed) == .init() }
        }
        #expect(other.requests.isEmpty)
    }
}
