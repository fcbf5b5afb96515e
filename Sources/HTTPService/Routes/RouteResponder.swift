import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Answers requests with a Hummingbird responder, usually a router behind its middleware.
struct RouteResponder: Sendable {
    private let answer: @Sendable (Request, BasicRequestContext) async throws -> Response
    private let errorBodies: HTTPErrorBodies
    private let logger: Logger

    init<Responder: HTTPResponder>(responder: Responder, errorBodies: HTTPErrorBodies, logger: Logger)
    where Responder.Context == BasicRequestContext {
        answer = { try await responder.respond(to: $0, context: $1) }
        self.errorBodies = errorBodies
        self.logger = logger
    }

    /// Runs the handler of a request and writes what it returns.
    func respond(to head: RequestHead, body: ByteBuffer, exchange: HTTPExchange, channel: any Channel) async {
        let request: Request
        do {
            request = Request(
                head: try HTTPRequest(HTTPRequestHead(head), secure: false, splitCookie: false),
                body: RequestBody(buffer: body))
        } catch {
            exchange.respond(errorBodies.reply(to: .malformed))
            return
        }
        var logger = logger
        logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
        let context = BasicRequestContext(source: .init(channel: channel, logger: logger))
        do {
            let response = try await answer(request, context)
            try await write(response, to: exchange)
        } catch {
            logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            exchange.respond(errorBodies.reply(to: .handlerFailed))
        }
    }

    private func write(_ response: Response, to exchange: HTTPExchange) async throws {
        let head = HTTPResponseHead(response.head)
        do {
            try await response.body.write(
                RouteBodyWriter(status: head.status, headers: head.headers, exchange: exchange))
        } catch {
            logger.debug("response not finished", metadata: ["error": "\(error)"])
            exchange.abort()
        }
    }
}
