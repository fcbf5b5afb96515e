import NIOCore
import Synchronization

/// Counts round trips and keeps as many in flight as asked, whichever client makes them.
final class RoundTripRecorder: Sendable {
    struct Result {
        var perSecond: Double
        var p50Microseconds: Double
        var p99Microseconds: Double
    }

    private struct State {
        var samples: [UInt64] = []
        var answered = 0
        var inFlight: Int
        var finished: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>
    private let begin: UInt64
    private let warmUpEnd: UInt64
    private let end: UInt64

    init(inFlight: Int, warmUp: Duration, duration: Duration) {
        var state = State(inFlight: inFlight)
        state.samples.reserveCapacity(1 << 20)
        self.state = Mutex(state)
        self.begin = Self.now
        self.warmUpEnd = begin + Self.nanoseconds(warmUp)
        self.end = warmUpEnd + Self.nanoseconds(duration)
    }

    static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    private static func nanoseconds(_ duration: Duration) -> UInt64 {
        UInt64(duration.components.seconds) * 1_000_000_000 + UInt64(duration.components.attoseconds / 1_000_000_000)
    }

    /// Notes an answer to what was sent at `sent`.
    /// - Returns: whether the next round trip is to begin.
    func answered(sent: UInt64) -> Bool {
        let now = Self.now
        let (isOver, finished) = state.withLock { state -> (Bool, CheckedContinuation<Void, Never>?) in
            state.answered += 1
            if sent >= warmUpEnd, now <= end { state.samples.append(now - sent) }
            guard now > end else { return (false, nil) }
            state.inFlight -= 1
            guard state.inFlight == 0 else { return (true, nil) }
            return (true, state.finished.take())
        }
        finished?.resume()
        return !isOver
    }

    /// Waits until the last round trip is over.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.inFlight > 0 { state.finished = continuation }
                return state.inFlight == 0
            }
            if isOver { continuation.resume() }
        }
    }

    /// How many answers came in all, the warm-up's among them.
    var answeredCount: Int { state.withLock { $0.answered } }

    var result: Result {
        let samples = state.withLock { $0.samples }.sorted()
        return Result(
            perSecond: Double(samples.count) / (Double(end - warmUpEnd) / 1e9),
            p50Microseconds: Double(Statistics.percentile(0.5, ofSorted: samples)) / 1000,
            p99Microseconds: Double(Statistics.percentile(0.99, ofSorted: samples)) / 1000)
    }
}
