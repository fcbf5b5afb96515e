import Synchronization

/// What `sie up` says about itself, on standard error: one line when a step begins or ends, and one every few seconds
/// while something takes long. In quiet mode only failures are told.
final class Progress: Sendable {
    private let quiet: Bool
    private let begin = ContinuousClock.now
    /// When each process was started.
    private let starts = Mutex<[String: ContinuousClock.Instant]>([:])

    /// When the stack was told to stop.
    private let stopBegin = Mutex<ContinuousClock.Instant?>(nil)

    /// What each thing that is waited for still lacks.
    private let reasons = Mutex<[String: String]>([:])

    init(quiet: Bool) {
        self.quiet = quiet
    }

    func starting(_ name: String) {
        starts.withLock { $0[name] = .now }
        say("starting \(name)")
    }

    func ready(_ name: String) {
        let start = starts.withLock { $0[name] } ?? begin
        say("\(name) is ready after \(Self.seconds(since: start))")
    }

    /// Takes note of what the probe of `what` saw last; nil when it is over.
    func missing(_ reason: String?, for what: String) {
        reasons.withLock { $0[what] = reason }
    }

    func waiting(for names: [String], stopping: Bool) {
        guard !names.isEmpty else { return }
        let what = names.joined(separator: ", ")
        let reasons = reasons.withLock { reasons in
            reasons.keys.sorted().compactMap { key in reasons[key].map { "\(key): \($0)" } }
        }
        let detail =
            stopping
            ? " to stop (Ctrl-C again ends it at once)" : reasons.isEmpty ? "" : " (\(reasons.joined(separator: "; ")))"
        let since = stopBegin.withLock { $0 } ?? begin
        // The clock that says it is time to tell runs on from the start; a stop that has just begun is no news.
        guard !stopping || since.duration(to: .now) > .seconds(1) else { return }
        say("waiting for \(what)\(detail), \(Self.seconds(since: since))")
    }

    func up() {
        say("everything is up after \(Self.seconds(since: begin)); stop with Ctrl-C")
    }

    func stopping(_ name: String) {
        stopBegin.withLock { $0 = $0 ?? .now }
        say("stopping \(name)")
    }

    func killing(_ name: String) { say("ending \(name) at once") }

    func failed(_ failure: Supervisor.Failure, lastLines: [String]) {
        var text = "sie up: \(failure.message)\n"
        if let child = failure.child, !lastLines.isEmpty {
            text += "  The last lines of \(child):\n"
            for line in lastLines { text += "    \(line)\n" }
        }
        StandardStreams.writeError(text)
    }

    private func say(_ text: String) {
        if !quiet { StandardStreams.writeError("sie up: \(text)\n") }
    }

    /// Seconds with one decimal.
    private static func seconds(since start: ContinuousClock.Instant) -> String {
        let tenths = (ContinuousClock.now - start) / .milliseconds(100)
        return "\(tenths.rounded() / 10) s"
    }
}
