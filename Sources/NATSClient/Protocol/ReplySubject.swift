/// The reply subject of a message to publish.
enum ReplySubject {
    case none
    case subject(String)
    /// A slot of the connection's shared inbox: the inbox's prefix, then the token in base 16.
    case slot(prefix: String, token: UInt64)
}
