import Logging
import Observability
import ServiceLifecycle

/// Takes part in an election for as long as the service runs, and claims the store when it is won.
struct WriterCampaign: Service {
    let election: any WriterElection
    let standing: ElectedWriter
    let authority: ConfigAuthority
    let metrics: ConfigMetrics
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled { await step() }
        }
        if let term = standing.term {
            standing.wasSuperseded()
            await election.resign(term)
        }
    }

    private func step() async {
        let wasLeading = standing.term != nil
        let asked = ContinuousClock.now
        switch standing.withMachine({ $0.next(at: asked) }) {
        case .wait(let instant):
            try? await Task.sleep(until: instant, clock: .continuous)
        case .acquire:
            await report(asked) { try await election.acquire() }
        case .renew(let term):
            await report(asked) { try await election.renew(term) }
        }
        if standing.mustClaim, await authority.takeOver() {
            standing.hasClaimed()
        }
        let leads = standing.term != nil
        metrics.isWriter.set(standing.mayWrite)
        if leads != wasLeading {
            logger.info(leads ? "this replica writes from now on" : "this replica does not write any more")
        }
    }

    private func report(_ asked: ContinuousClock.Instant, _ ask: () async throws -> UInt64?) async {
        do {
            let term = try await ask()
            standing.hasProblem(nil)
            standing.withMachine { machine in
                if let term { machine.held(term: term, askedAt: asked) } else { machine.lost(at: .now) }
            }
        } catch {
            if standing.hasProblem("\(error)") {
                logger.warning("the election cannot be held", metadata: ["reason": "\(error)"])
            }
            standing.withMachine { $0.failed(at: .now) }
        }
    }
}
