import NIOCore

/// What a worker answered for one work item.
package enum WorkItemOutcome: Equatable, Sendable {
    /// `encoded` is the result as the worker packed it: a MessagePack value, spliced into the answer unread.
    case success(encoded: ByteBuffer, Timing)
    case failure(code: String?, message: String)

    /// Times a worker measured, in milliseconds.
    package struct Timing: Equatable, Sendable {
        package var queue: Double?
        package var inference: Double?
        package var tokenization: Double?
        package var postprocessing: Double?
        package var payloadFetch: Double?

        package init() {}
    }
}
