public import NIOCore
public import NIOHTTP1

/// The open end of one request: answers it and tells when the client has gone.
///
/// A value that may travel to any thread. Off the event loop each call hops to it once. Every exchange must be answered,
/// also after a failure; a second answer, or one after the client has gone, is ignored.
public struct HTTPExchange: Sendable {
    let handler: NIOLoopBound<HTTPConnectionHandler>
    let id: UInt64

    /// The event loop of the connection.
    public let eventLoop: any EventLoop

    /// Answers the request.
    public func respond(_ reply: HTTPReply) {
        if eventLoop.inEventLoop {
            handler.value.send(reply, exchange: id)
        } else {
            eventLoop.execute { handler.value.send(reply, exchange: id) }
        }
    }

    /// Answers the request with the fields that `fields` writes and a body in pieces, without anything in between. Call on
    /// the event loop.
    public func respond(_ status: HTTPResponseStatus, body: [[UInt8]], fields: (inout HTTPFieldWriter) -> Void) {
        handler.value.send(status, body: body, exchange: id, fields: fields)
    }

    /// Sets the function to call, on the event loop, when the client leaves before it has its answer.
    ///
    /// A client that has closed its sending side counts as gone: the connection is then closed after the call and the
    /// exchange needs no answer any more. If the client has left already, the function is called at once.
    public func onDisconnect(_ callback: @escaping @Sendable () -> Void) {
        if eventLoop.inEventLoop {
            handler.value.setDisconnectCallback(callback, exchange: id)
        } else {
            eventLoop.execute { handler.value.setDisconnectCallback(callback, exchange: id) }
        }
    }
}
