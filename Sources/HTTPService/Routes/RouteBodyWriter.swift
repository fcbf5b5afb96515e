import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Writes the body of a route's response: in one go if it is one buffer, else part by part as fast as the client reads.
struct RouteBodyWriter: ResponseBodyWriter {
    private let status: HTTPResponseStatus
    private let headers: HTTPHeaders
    private let exchange: HTTPExchange
    /// Held back until it is known whether another part follows.
    private var first: ByteBuffer?
    private var hasStarted = false

    init(status: HTTPResponseStatus, headers: HTTPHeaders, exchange: HTTPExchange) {
        self.status = status
        self.headers = headers
        self.exchange = exchange
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        if hasStarted {
            try await exchange.stream(buffer)
        } else if let held = first {
            hasStarted = true
            first = nil
            try await exchange.startStream(status: status, headers: headers)
            try await exchange.stream(held)
            try await exchange.stream(buffer)
        } else {
            first = buffer
        }
    }

    consuming func finish(_ trailers: HTTPFields?) async throws {
        if hasStarted {
            try await exchange.endStream(trailers: trailers.map(HTTPHeaders.init))
        } else {
            exchange.respondOnce(status: status, headers: headers, body: first ?? ByteBuffer())
        }
    }
}

extension HTTPExchange {
    /// Answers with what a handler returned; a `content-length` of its own (a HEAD response's) stays.
    func respondOnce(status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer) {
        guard body.readableBytes == 0, headers.contains(name: "content-length") else {
            respond(HTTPReply(status: status, headers: headers, body: body))
            return
        }
        eventLoop.execute {
            let handler = handler.value
            guard handler.startStream(status: status, headers: headers, exchange: id) else { return }
            handler.endStream(trailers: nil, exchange: id, promise: eventLoop.makePromise())
        }
    }

    /// Starts an answer whose parts follow.
    ///
    /// - Throws: `ChannelError` where the client has left.
    package func startStream(status: HTTPResponseStatus, headers: HTTPHeaders) async throws {
        try await eventLoop.submit {
            guard handler.value.startStream(status: status, headers: headers, exchange: id) else {
                throw ChannelError.alreadyClosed
            }
        }.get()
    }

    /// Sends a part and returns when it is handed to the system, so that a slow client slows the sender.
    ///
    /// - Throws: the channel's error where the client has left.
    package func stream(_ buffer: ByteBuffer) async throws {
        try await eventLoop.flatSubmit {
            let promise = eventLoop.makePromise(of: Void.self)
            handler.value.stream(buffer, exchange: id, promise: promise)
            return promise.futureResult
        }.get()
    }

    /// Ends an answer that was started.
    package func endStream(trailers: HTTPHeaders?) async throws {
        try await eventLoop.flatSubmit {
            let promise = eventLoop.makePromise(of: Void.self)
            handler.value.endStream(trailers: trailers, exchange: id, promise: promise)
            return promise.futureResult
        }.get()
    }

    /// Breaks off an answer that was started, so that the client sees it is not whole.
    package func abort() {
        eventLoop.execute { handler.value.abort(exchange: id) }
    }
}
