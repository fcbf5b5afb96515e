import NIOCore

/// When to connect again after a connection ended or could not be made.
///
/// The delay after the n-th round through the server pool without success is `min(maximum, initial * 2^n)`,
/// spread by `jitter` so that the clients of a restarted server do not return all at once.
public struct NATSReconnectPolicy: Sendable, Equatable {
    /// The delay before the second round; the first attempt after a loss follows at once.
    public var initialDelay: TimeAmount = .milliseconds(100)
    /// The longest delay.
    public var maximumDelay: TimeAmount = .seconds(2)
    /// The part of the delay that is random: 0.2 gives 80 % to 120 % of it.
    public var jitter = 0.2
    /// How many rounds through the pool may fail before the connection closes; `nil` never gives up.
    public var maxRounds: Int?
    /// Whether a first connect that fails is retried in the background like a lost one (otherwise it is an error).
    public var retriesInitialConnect = true
    /// How many authentication errors in a row end the connection; `nil` keeps trying, for servers whose users change.
    public var maxAuthenticationErrors: Int? = 2

    /// The default policy: 100 ms growing to 2 s, 20 % jitter, no end.
    public init() {}
}
