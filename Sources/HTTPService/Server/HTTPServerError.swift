/// Why a server could not start.
public enum HTTPServerError: Error, CustomStringConvertible, Equatable {
    /// Another process listens on the port.
    case portInUse(host: String, port: Int)
    /// The process may not listen on the port.
    case permissionDenied(host: String, port: Int)
    /// The address cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)

    /// What is wrong and what to do about it.
    public var description: String {
        switch self {
        case .portInUse(let host, let port):
            "cannot listen on \(host):\(port): the port \(port) is in use; stop the process that uses it or choose another port"
        case .permissionDenied(let host, let port):
            "cannot listen on \(host):\(port): permission denied; choose a port above 1023 or grant CAP_NET_BIND_SERVICE"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason)"
        }
    }
}
