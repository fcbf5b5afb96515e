import HTTPTypes
public import Hummingbird
import Logging

/// Turns what handlers throw, unknown paths and wrong methods into responses in the service's own wording.
///
/// Put it first: errors of the middleware behind it are worded too.
public struct ErrorBodyMiddleware<Context: RequestContext>: RouterMiddleware {
    private let bodies: HTTPErrorBodies

    /// Creates the middleware for one wording.
    public init(_ bodies: HTTPErrorBodies) {
        self.bodies = bodies
    }

    /// Passes the request on and words what comes back as an error.
    public func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError {
            return response(error.status, headers: error.headers, message: error.body ?? error.status.reasonPhrase)
        } catch let error as any HTTPResponseError {
            return response(error.status, headers: [:], message: error.status.reasonPhrase)
        } catch {
            context.logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            return response(.internalServerError, headers: [:], message: "Internal server error")
        }
    }

    private func response(_ status: HTTPResponse.Status, headers: HTTPFields, message: String) -> Response {
        var headers = headers
        guard let body = bodies.body(status: status.code, message: message) else {
            return Response(status: status, headers: headers)
        }
        headers[.contentType] = body.contentType
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: body.bytes))
    }
}
