/// One operation that a server sent.
package enum ServerOperation: Sendable {
    case info(NATSServerInfo)
    case message(subscription: UInt64, NATSMessage)
    case ping
    case pong
    case ok
    /// `-ERR` with the text between its quotes.
    case error(String)
}
