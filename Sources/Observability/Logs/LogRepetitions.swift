import Logging

/// Which lines are left out of those that say the same over and over: after ten within a minute, the rest of that minute's.
/// A value with the time, since any fixed moment, from outside; ``LogRepetitionFilter`` drives it.
package struct LogRepetitions: Sendable {
    /// What makes two lines the same: what is said and why, whatever object it is said of.
    package struct Line: Sendable, Hashable {
        package var level: Logger.Level
        package var logger: String
        package var message: String
        package var cause: String

        package init(level: Logger.Level, logger: String, message: String, cause: String) {
            self.level = level
            self.logger = logger
            self.message = message
            self.cause = cause
        }
    }

    package enum Verdict: Sendable, Hashable {
        case write
        /// Leave it out; the first one says when its minute ends, so that somebody asks for the summary then.
        case leaveOut(endsAfter: Duration?)
    }

    private struct Window: Sendable {
        var began: Duration
        var count = 0
        var leftOut = 0
    }

    /// Lines of a kind that are written within a window.
    package static let most = 10
    package static let length = Duration.seconds(60)
    /// Kinds of lines that are told apart; beyond, lines are written as they come.
    package static let mostKinds = 1000

    private var windows: [Line: Window] = [:]

    package init() {}

    package mutating func take(_ line: Line, now: Duration) -> Verdict {
        var window = windows[line] ?? Window(began: now)
        if now - window.began >= Self.length, window.leftOut == 0 { window = Window(began: now) }
        window.count += 1
        if window.count <= Self.most {
            if windows[line] == nil, windows.count >= Self.mostKinds { forget(now: now) }
            if windows[line] != nil || windows.count < Self.mostKinds { windows[line] = window }
            return .write
        }
        window.leftOut += 1
        windows[line] = window
        return .leaveOut(
            endsAfter: window.leftOut == 1 ? max(.zero, window.began + Self.length - now) : nil)
    }

    /// Ends the windows that are over.
    ///
    /// - Returns: how many lines were left out in each, where any were.
    package mutating func summaries(now: Duration) -> [(line: Line, count: Int)] {
        var ended: [(line: Line, count: Int)] = []
        for (line, window) in windows where now - window.began >= Self.length {
            windows[line] = nil
            if window.leftOut > 0 { ended.append((line, window.leftOut)) }
        }
        return ended
    }

    /// Makes room where nothing was left out.
    private mutating func forget(now: Duration) {
        windows = windows.filter { $0.value.leftOut > 0 || now - $0.value.began < Self.length }
    }
}
