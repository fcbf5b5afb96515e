import HTTPService
import NIOCore

extension HTTPErrorBodies {
    /// `{"detail": ...}` with the API's own object where a body was too large to be read at all.
    static let configAPI = HTTPErrorBodies { status, message in
        guard status == 413 else { return HTTPErrorBodies.detail.body(status: status, message: message) }
        let answer = APIError.payloadTooLarge(limitBytes: ConfigAPI.maximumDocumentBytes).answer
        return HTTPErrorBodies.Body(contentType: answer.contentType, bytes: ByteBuffer(bytes: answer.body))
    }
}
