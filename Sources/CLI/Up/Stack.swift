import NIOCore
import Synchronization
import UnixSignals

/// Runs the local stack: performs what ``Supervisor`` decides and tells it what happens.
struct Stack: Sendable {
    let plan: StackPlan
    let programs: Programs
    let printer: LogPrinter
    let progress: Progress
    let http: LoopbackHTTP

    /// How long a process may take until it serves, and the workers until they serve the models. Loading a model of
    /// a few gigabytes from a slow disk is the longest step.
    var readinessTimeout: Duration = .seconds(300)

    /// Between two looks at something that is waited for.
    private static let pollInterval: Duration = .milliseconds(20)
    /// Between two lines about something that is waited for.
    private static let progressInterval: Duration = .seconds(2)

    private enum Happening: Sendable {
        case event(Supervisor.Event)
        case progressDue
    }

    private typealias Reporter = AsyncStream<Happening>.Continuation

    /// Brings the stack up, keeps it up until a signal comes or a process ends, and takes it down again.
    ///
    /// - Returns: Whether it went down because it was asked to. No process is left in either case.
    func run() async -> Bool {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm, .sighup)
        let (happenings, reporter) = AsyncStream.makeStream(of: Happening.self)
        return await withDiscardingTaskGroup(returning: Bool.self) { group in
            group.addTask {
                var last: ContinuousClock.Instant?
                for await _ in signals {
                    // `timeout`, and a terminal with a shell in between, deliver one wish as two signals.
                    defer { last = .now }
                    if let last, ContinuousClock.now - last < .milliseconds(500) { continue }
                    reporter.yield(.event(.stopRequested))
                }
            }
            group.addTask {
                while (try? await Task.sleep(for: Self.progressInterval)) != nil { reporter.yield(.progressDue) }
            }

            var supervisor = Supervisor(plan: plan)
            var children: [String: ChildProcess] = [:]
            var actions = supervisor.begin()[...]
            var happening = happenings.makeAsyncIterator()
            while true {
                while let action = actions.popFirst() {
                    if case .finish(let succeeded) = action {
                        group.cancelAll()
                        return succeeded
                    }
                    perform(action, children: &children, in: &group, reporter)
                }
                switch await happening.next() {
                case .event(let event): actions = supervisor.handle(event)[...]
                case .progressDue: progress.waiting(for: supervisor.waitingFor, stopping: supervisor.isStopping)
                case nil: return false
                }
            }
        }
    }

    private func perform(
        _ action: Supervisor.Action, children: inout [String: ChildProcess],
        in group: inout DiscardingTaskGroup, _ reporter: Reporter
    ) {
        switch action {
        case .start(let plans):
            for plan in plans {
                progress.starting(plan.name)
                let child = ChildProcess(plan: plan, sie: programs.sie)
                children[plan.name] = child
                group.addTask { [printer] in
                    let status = await child.run { printer.take($0, from: plan.name) }
                    reporter.yield(.event(.exited(child: plan.name, status: status)))
                }
                group.addTask { await awaitReadiness(of: plan, reporter) }
            }
        case .awaitAcknowledgement:
            group.addTask { await awaitAcknowledgement(reporter) }
        case .announce:
            progress.up()
            StandardStreams.writeOutput(Banner(plan: plan).text)
        case .terminate(let plans):
            for plan in plans {
                progress.stopping(plan.name)
                children[plan.name]?.terminate()
                group.addTask {
                    guard (try? await Task.sleep(for: plan.stopGrace)) != nil else { return }
                    reporter.yield(.event(.graceElapsed(child: plan.name)))
                }
            }
        case .kill(let plans):
            for plan in plans {
                progress.killing(plan.name)
                children[plan.name]?.kill()
            }
        case .report(let failure):
            progress.failed(failure, lastLines: failure.child.map(printer.lastLines(of:)) ?? [])
        case .finish:
            break
        }
    }

    private func awaitReadiness(of plan: ChildPlan, _ reporter: Reporter) async {
        let missing = await poll(plan.name) {
            let answer = try await http.get(port: plan.readiness.port, path: plan.readiness.path)
            return answer.status == 200 ? nil : "\(plan.readiness.path) answers \(answer.status)"
        }
        if Task.isCancelled { return }
        if let missing {
            reporter.yield(.event(.notReady(child: plan.name, reason: missing)))
        } else {
            progress.ready(plan.name)
            reporter.yield(.event(.ready(child: plan.name)))
        }
    }

    private func awaitAcknowledgement(_ reporter: Reporter) async {
        for model in plan.models {
            let missing = await poll(model) {
                let answer = try await http.get(
                    port: plan.gatewayPort, path: Acknowledgement.path(model: model), bearerToken: plan.bearerToken)
                return Acknowledgement.missing(status: answer.status, body: answer.body, workers: plan.workerCount)
            }
            if Task.isCancelled { return }
            if let missing {
                reporter.yield(.event(.notAcknowledged(reason: "\(model) is not served: \(missing)")))
                return
            }
        }
        reporter.yield(.event(.acknowledged))
    }

    /// Looks until nothing is missing, which gives nil; else, when the time is over, what was missing last.
    private func poll(_ what: String, _ look: () async throws -> String?) async -> String? {
        let deadline = ContinuousClock.now + readinessTimeout
        defer { progress.missing(nil, for: what) }
        while true {
            let missing: String
            do {
                guard let found = try await look() else { return nil }
                missing = found
            } catch {
                missing = "\(error)"
            }
            progress.missing(missing, for: what)
            guard ContinuousClock.now < deadline, (try? await Task.sleep(for: Self.pollInterval)) != nil else {
                return missing
            }
        }
    }
}
