import NIOCore
import NIOHTTP1
import Wire

/// A complete HTTP answer of the inference routes.
package struct Answer: Equatable, Sendable {
    package var status: HTTPResponseStatus
    /// Without `content-length`, which the server adds.
    package var headers: HTTPHeaders
    package var body: ByteBuffer
    /// What the rejection counter says; nil for answers that are no rejection.
    package var rejection: RejectionReason?

    package init(
        status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer, rejection: RejectionReason? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.rejection = rejection
    }

    /// Headers that every inference answer carries; clients compare the server's version with their own.
    package static let versionHeaders: HTTPHeaders = [
        "x-sie-version": ProductVersion.current,
        "x-sie-server-version": ProductVersion.current,
    ]
}
