/// How a copy of a collection is kept up to date: list, then watch, and whatever failures ask for. A value that is told
/// what happened and says what to do; ``Informer`` does it.
///
/// Versions are compared with nothing and never guessed: a watch goes on from the last version that the server named, and
/// where the server has forgotten that version, everything is listed anew.
public struct Reflector: Sendable {
    /// What to do next.
    public enum Action: Sendable, Equatable {
        /// Ask for a page; the first one where `continue` is nil, when pages that came before are void.
        case list(resourceVersion: String?, limit: Int?, continue: String?)
        /// Watch, and be told first what is there; then ``Reflector/streamed(resourceVersion:)``.
        case stream(timeout: Duration)
        /// Take the pages as the whole collection, then watch from their version.
        case replace(resourceVersion: String)
        /// Watch from a version.
        case watch(resourceVersion: String, timeout: Duration)
        /// Wait, then ask again.
        case wait(Duration)
    }

    /// What went wrong, as far as it matters here.
    public enum Failure: Sendable, Equatable {
        /// The version or page to go on from is forgotten.
        case expired
        case other(retryAfter: Duration? = nil)

        public init(_ error: KubernetesError) {
            self = error.isExpired ? .expired : .other(retryAfter: error.retryAfter)
        }

        public init(_ status: StatusError) {
            self = status.reason == .expired ? .expired : .other(retryAfter: status.retryAfter)
        }
    }

    private enum Next: Sendable, Equatable {
        case list
        case watch
    }

    /// Objects in a page.
    private let pageSize: Int
    /// Whether a watch may tell what is there, for all that is known of the server.
    private var mayStream: Bool
    private var backoff: Backoff
    /// The last version that the server named; nil before the first list and after the server forgot it.
    public private(set) var resourceVersion: String?
    /// Any version will do for the first list. Later ones must not go back in time.
    private var listVersion: String? = "0"
    private var listLimit: Int?
    private var isWithinPages = false
    private var watchBegan: Duration?
    private var hasEvents = false
    /// Whether any watch since the last list has worked.
    private var hasWatched = false
    private var next = Next.list

    /// - Parameter streams: whether to ask for a watch that tells what is there first, where the server can do so.
    public init(pageSize: Int = 500, streams: Bool = false, backoff: Backoff = Backoff()) {
        self.pageSize = pageSize
        mayStream = streams
        self.backoff = backoff
        listLimit = pageSize
    }

    /// The first thing to do, and the next one after a wait.
    public mutating func proceed(now: Duration, using generator: inout some RandomNumberGenerator) -> Action {
        switch next {
        case .list: return listAll(now: now, using: &generator)
        case .watch:
            guard let resourceVersion else { return listAll(now: now, using: &generator) }
            return watch(resourceVersion, now: now, using: &generator)
        }
    }

    /// A page has come.
    public mutating func listed(
        resourceVersion: String?, nextPage: String?, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        if let nextPage {
            isWithinPages = true
            return list(continue: nextPage)
        }
        guard let resourceVersion, !resourceVersion.isEmpty else {
            // Watching from nowhere would miss what happened in between.
            return listFailed(.other(), now: now, using: &generator)
        }
        self.resourceVersion = resourceVersion
        isWithinPages = false
        listVersion = nil
        listLimit = pageSize
        hasWatched = false
        next = .watch
        return .replace(resourceVersion: resourceVersion)
    }

    /// A watch has told everything that was there, and goes on.
    public mutating func streamed(resourceVersion: String) {
        self.resourceVersion = resourceVersion
        hasEvents = true
        hasWatched = false
        next = .watch
    }

    /// The server does not tell what is there by a watch: lists from now on.
    public mutating func streamRefused() -> Action {
        mayStream = false
        watchBegan = nil
        return list(continue: nil)
    }

    /// No page has come.
    public mutating func listFailed(
        _ failure: Failure, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        next = .list
        if failure == .expired, isWithinPages {
            // The next pages would be forgotten as well: everything in one answer.
            isWithinPages = false
            listLimit = nil
            return list(continue: nil)
        }
        isWithinPages = false
        if failure == .expired { listVersion = nil }
        return wait(failure, now: now, using: &generator)
    }

    /// The watch has told something, with its version.
    public mutating func received(resourceVersion: String?) {
        hasEvents = true
        if let resourceVersion, !resourceVersion.isEmpty { self.resourceVersion = resourceVersion }
    }

    /// The server has ended the watch in good order.
    public mutating func watchEnded(now: Duration, using generator: inout some RandomNumberGenerator) -> Action {
        // A server that ends every watch at once must not be asked without a pause.
        guard endWatch(now: now), let resourceVersion else { return wait(.other(), now: now, using: &generator) }
        return watch(resourceVersion, now: now, using: &generator)
    }

    /// The watch could not be opened, or broke, or told of an error.
    public mutating func watchFailed(
        _ failure: Failure, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        endWatch(now: now)
        guard failure == .expired else { return wait(failure, now: now, using: &generator) }
        resourceVersion = nil
        next = .list
        // A server that forgets every version at once must not be asked without a pause.
        return hasWatched
            ? listAll(now: now, using: &generator) : wait(failure, now: now, using: &generator)
    }

    /// - Returns: whether the watch has worked.
    @discardableResult
    private mutating func endWatch(now: Duration) -> Bool {
        let hasWorked = hasEvents || watchBegan.map { now - $0 >= .seconds(1) } ?? false
        if hasWorked { hasWatched = true }
        watchBegan = nil
        hasEvents = false
        return hasWorked
    }

    private mutating func listAll(
        now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        guard mayStream else { return list(continue: nil) }
        watchBegan = now
        hasEvents = false
        return .stream(timeout: Self.timeout(using: &generator))
    }

    private func list(continue page: String?) -> Action {
        .list(resourceVersion: listVersion, limit: listLimit, continue: page)
    }

    private mutating func watch(
        _ version: String, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        watchBegan = now
        hasEvents = false
        return .watch(resourceVersion: version, timeout: Self.timeout(using: &generator))
    }

    /// Not all watches end at the same time, after a restart of the server.
    private static func timeout(using generator: inout some RandomNumberGenerator) -> Duration {
        .seconds(Int.random(in: 300...600, using: &generator))
    }

    private mutating func wait(
        _ failure: Failure, now: Duration, using generator: inout some RandomNumberGenerator
    ) -> Action {
        let wait = backoff.wait(now: now, using: &generator)
        guard case .other(let retryAfter?) = failure else { return .wait(wait) }
        return .wait(max(retryAfter, wait))
    }
}
