import CurlClient
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Sees whether the API server is still there while nothing comes from it, and whether its clock and ours agree: a service
/// that asks for the server's version twice a minute.
///
/// A connection whose other end has gone without a word, or that a middlebox holds open with nothing behind it, looks like
/// a watch to which nothing happens. Where the answer does not come, the connection is closed, and the watches on it begin
/// again on another one. Over HTTP/2, that is all of them; over HTTP/1.1, where each has its own connection, it is for their
/// own limits on silence.
public struct APIServerMonitor: Service {
    public struct Options: Sendable {
        /// How often the server is asked.
        public var interval = Duration.seconds(30)
        /// How long it may take to answer.
        public var timeout = Duration.seconds(15)
        public var skewLimitSeconds = 30.0
        /// The time in seconds since 1970.
        public var now: @Sendable () -> Double = { Date.now.timeIntervalSince1970 }
        /// Told how far our clock is ahead of the server's, in seconds, whenever it has been seen.
        public var onSkew: (@Sendable (Double) -> Void)?

        public init() {}
    }

    private let client: KubernetesClient
    private let options: Options
    private let logger: Logger

    public init(_ client: KubernetesClient, options: Options = Options(), logger: Logger) {
        self.client = client
        self.options = options
        self.logger = logger
    }

    public func run() async {
        await cancelWhenGracefulShutdown {
            var skew = ClockSkew(limitSeconds: options.skewLimitSeconds)
            var isAnswering = true
            while !Task.isCancelled {
                let isAnswered = await ask(&skew)
                if Task.isCancelled { return }
                if isAnswered != isAnswering {
                    isAnswering = isAnswered
                    logger.log(
                        level: isAnswered ? .info : .warning,
                        isAnswered ? "The API server answers again" : "The API server does not answer")
                }
                try? await Task.sleep(for: options.interval)
            }
        }
    }

    /// - Returns: whether there was an answer.
    private func ask(_ skew: inout ClockSkew) async -> Bool {
        let asked = options.now()
        let head: CurlResponseHead
        do throws(KubernetesError) {
            head = try await client.ping(timeout: options.timeout)
        } catch {
            return false
        }
        let finding = skew.seen(head["date"].flatMap { HTTPDate($0) }, asked: asked, answered: options.now())
        if let seconds = skew.seconds { options.onSkew?(seconds) }
        switch finding {
        case .began(let seconds):
            logger.warning(
                "This machine's clock and the API server's disagree: leases and times in conditions suffer",
                metadata: ["aheadSeconds": .stringConvertible(seconds.rounded())])
        case .ended: logger.info("This machine's clock and the API server's agree again")
        case nil: break
        }
        return true
    }
}
