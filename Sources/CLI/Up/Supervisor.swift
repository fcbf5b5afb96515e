/// The life of the local stack as a state machine: it is fed what happened and answers what to do.
///
/// It starts one stage after the other, waits until the gateway reports that the workers serve the models, and stops
/// the stages in reverse order, each with a grace period. It does no I/O; ``Stack`` performs its actions.
package struct Supervisor {
    /// What happened.
    package enum Event: Sendable, Equatable {
        /// The process answered its readiness probe.
        case ready(child: String)
        /// The process did not answer in time; `reason` is the last thing that its probe saw.
        case notReady(child: String, reason: String)
        /// The gateway reports that every model is served by every worker.
        case acknowledged
        case notAcknowledged(reason: String)
        case exited(child: String, status: ExitStatus)
        /// Ctrl-C, SIGTERM or a closed terminal; a second one stops waiting.
        case stopRequested
        /// The grace period that began with ``Action/terminate(_:)`` is over.
        case graceElapsed(child: String)
    }

    /// What to do next.
    package enum Action: Sendable, Equatable {
        case start([ChildPlan])
        case awaitAcknowledgement
        /// Everything serves: tell the user how to use it.
        case announce
        /// Ask these to stop, and report ``Event/graceElapsed(child:)`` when their grace period is over.
        case terminate([ChildPlan])
        case kill([ChildPlan])
        /// Tell the user what went wrong; `child` is the process whose last lines explain it.
        case report(Failure)
        /// No process is left.
        case finish(succeeded: Bool)
    }

    /// How a process ended.
    package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)
        /// The program could not be started at all.
        case notStarted(reason: String)

        package var description: String {
            switch self {
            case .code(let code): "ended with exit code \(code)"
            case .signal(let number): "was ended by signal \(number)"
            case .notStarted(let reason): "could not be started: \(reason)"
            }
        }
    }

    /// Why the stack goes down by itself.
    package struct Failure: Sendable, Equatable {
        package var child: String?
        package var message: String

        package init(child: String?, message: String) {
            self.child = child
            self.message = message
        }
    }

    private enum State: Equatable {
        case starting(stage: Int, waitingFor: Set<String>)
        case acknowledging
        case up
        case stopping(stage: Int)
        case finished
    }

    private let plan: StackPlan
    private var state: State = .starting(stage: -1, waitingFor: [])
    private var running: Set<String> = []
    private var failed = false

    package init(plan: StackPlan) {
        self.plan = plan
    }

    /// Starts the first stage.
    package mutating func begin() -> [Action] {
        startStage(0)
    }

    /// The processes that are waited for now, for the progress line; empty when nothing is.
    package var waitingFor: [String] {
        switch state {
        case .starting(_, let names): names.sorted()
        case .acknowledging: ["the workers to serve \(plan.models.joined(separator: ", "))"]
        case .stopping: running.sorted()
        case .up, .finished: []
        }
    }

    package var isStopping: Bool {
        if case .stopping = state { true } else { false }
    }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .ready(let child): childIsReady(child)
        case .notReady(let child, let reason): fail(Failure(child: child, message: "\(child) is not ready: \(reason)"))
        case .acknowledged: workersAreServing()
        case .notAcknowledged(let reason): fail(Failure(child: nil, message: reason))
        case .exited(let child, let status): childExited(child, status)
        case .stopRequested: stop()
        case .graceElapsed(let child): graceIsOver(child)
        }
    }

    private mutating func startStage(_ index: Int) -> [Action] {
        let children = plan.stages[index]
        let names = Set(children.map(\.name))
        running.formUnion(names)
        state = .starting(stage: index, waitingFor: names)
        return [.start(children)]
    }

    private mutating func childIsReady(_ child: String) -> [Action] {
        guard case .starting(let stage, var waitingFor) = state, waitingFor.remove(child) != nil else { return [] }
        guard waitingFor.isEmpty else {
            state = .starting(stage: stage, waitingFor: waitingFor)
            return []
        }
        if stage + 1 < plan.stages.count { return startStage(stage + 1) }
        state = .acknowledging
        return [.awaitAcknowledgement]
    }

    private mutating func workersAreServing() -> [Action] {
        guard state == .acknowledging else { return [] }
        state = .up
        return [.announce]
    }

    private mutating func childExited(_ child: String, _ status: ExitStatus) -> [Action] {
        guard running.remove(child) != nil else { return [] }
        guard case .stopping(let stage) = state else {
            return fail(Failure(child: child, message: "\(child) \(status)"))
        }
        // The stage may still have others; the next one down stops when they are gone.
        let remaining = plan.stages[stage].contains { running.contains($0.name) }
        return remaining ? [] : stopStages(from: stage - 1)
    }

    private mutating func fail(_ failure: Failure) -> [Action] {
        switch state {
        case .stopping, .finished: return []
        case .starting, .acknowledging, .up: break
        }
        failed = true
        return [.report(failure)] + stopStages(from: plan.stages.count - 1)
    }

    private mutating func stop() -> [Action] {
        switch state {
        case .finished: return []
        case .stopping:
            // Asked twice: the user does not want to wait.
            return [.kill(plan.stages.joined().filter { running.contains($0.name) })]
        case .starting, .acknowledging, .up:
            return stopStages(from: plan.stages.count - 1)
        }
    }

    /// Stops the highest stage at or below `index` that still runs; finishes when there is none.
    private mutating func stopStages(from index: Int) -> [Action] {
        for stage in stride(from: index, through: 0, by: -1) {
            let children = plan.stages[stage].filter { running.contains($0.name) }
            guard children.isEmpty else {
                state = .stopping(stage: stage)
                return [.terminate(children)]
            }
        }
        state = .finished
        return [.finish(succeeded: !failed)]
    }

    private mutating func graceIsOver(_ child: String) -> [Action] {
        guard isStopping, running.contains(child) else { return [] }
        return [.kill(plan.stages.joined().filter { $0.name == child })]
    }
}
