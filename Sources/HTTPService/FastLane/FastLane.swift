/// Takes requests in front of the router and answers them without leaving the event loop.
///
/// Both functions run on the connection's event loop and must not block. Requests of one connection arrive one after the
/// other, each when the one before is answered, so pipelined clients get their answers in order.
public protocol FastLane: Sendable {
    /// Decides, from its head alone, where a request goes. Called once for every request that is no WebSocket upgrade.
    func admit(_ head: RequestHead) -> FastLaneAdmission

    /// Answers a request whose body has arrived, now or later, through `request.exchange`.
    func handle(_ request: FastLaneRequest)

    /// The answer when a body grows beyond the limit that ``admit(_:)`` gave, or `nil` for the server's own.
    func replyToOversizedBody(of head: RequestHead, limitBytes: Int) -> HTTPReply?
}

extension FastLane {
    /// Leaves the answer to the server's error bodies.
    public func replyToOversizedBody(of head: RequestHead, limitBytes: Int) -> HTTPReply? { nil }
}

/// Where a request goes.
public enum FastLaneAdmission: Sendable {
    /// To the router.
    case pass
    /// To ``FastLane/handle(_:)``, once its body is there; a body above the limit is answered with 413 while it arrives.
    case take(bodyLimitBytes: Int)
    /// Nowhere: this is the answer, given before the body is read.
    case refuse(HTTPReply)
}
