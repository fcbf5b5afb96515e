/// How long a request may take.
public struct CurlTimeouts: Sendable, Hashable {
    /// Until the connection stands, TLS included.
    public var connect: Duration
    /// Until the answer has come whole; nil for streams that never end.
    public var total: Duration?
    /// How long a connection may be silent while bytes are expected, in whole seconds; nil for no limit. A stream that its
    /// reader holds up is not silent.
    public var idle: Duration?

    public init(connect: Duration = .seconds(10), total: Duration? = .seconds(60), idle: Duration? = nil) {
        self.connect = connect
        self.total = total
        self.idle = idle
    }
}
