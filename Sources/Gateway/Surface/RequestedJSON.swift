import HTTPTypes
import Hummingbird
import JSONStream
import NIOCore

/// The JSON body of a request on a route that takes one (gateway contract 2.1).
enum RequestedJSON {
    /// The largest body of such a route.
    static let maximumBytes = 2 << 20

    /// Reads the body of a request.
    ///
    /// - Throws: `HTTPError`: 415 for another content type, 413 for a body that is too large, 400 for one that is no
    ///   JSON.
    static func object(of request: Request) async throws -> JSONValue {
        let type = (request.headers[.contentType] ?? "").lowercased().prefix { $0 != ";" }
        guard type == "application/json" || type.hasSuffix("+json") else {
            throw HTTPError(.unsupportedMediaType, message: "Expected request with `Content-Type: application/json`")
        }
        let body: ByteBuffer
        do {
            body = try await request.body.collect(upTo: maximumBytes)
        } catch {
            throw HTTPError(.contentTooLarge, message: "Request body too large (max \(maximumBytes) bytes)")
        }
        do {
            return try body.withUnsafeReadableBytes { try JSONReader.decode($0) }
        } catch {
            throw HTTPError(.badRequest, message: "Failed to parse the request body as JSON: \(error)")
        }
    }

    /// The error for JSON that is well-formed and not what the route takes.
    static func wrongShape(_ message: String) -> HTTPError {
        HTTPError(.unprocessableContent, message: message)
    }
}
