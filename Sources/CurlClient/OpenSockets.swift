import CCurl

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The sockets that libcurl has open, by this end's ports, and when anything came over them at last. It belongs to the
/// loop's thread.
final class OpenSockets {
    /// How long a peer's system may acknowledge nothing. It makes probes of an idle connection end after as long, too, in
    /// place of their number.
    static let longestUnacknowledged = Duration.seconds(45)

    private var descriptors: Set<Int32> = []
    private var heard: [Int32: ContinuousClock.Instant] = [:]

    /// A socket that is to be connected.
    func opened(_ descriptor: Int32) {
        descriptors.insert(descriptor)
        #if os(Linux)
            var milliseconds = Int32(Self.longestUnacknowledged.components.seconds * 1000)
            setsockopt(
                descriptor, Int32(IPPROTO_TCP), Int32(TCP_USER_TIMEOUT), &milliseconds,
                socklen_t(MemoryLayout<Int32>.size))
        #endif
    }

    func close(_ descriptor: Int32) {
        if let port = Self.localPort(of: descriptor) { heard[port] = nil }
        descriptors.remove(descriptor)
        #if canImport(Glibc)
            _ = Glibc.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Darwin.close(descriptor)
        #endif
    }

    /// Something came over a connection at this time; nil for nothing.
    func heard(_ time: ContinuousClock.Instant?, over localPort: Int32) {
        guard let time, localPort > 0 else { return }
        heard[localPort] = max(time, heard[localPort] ?? time)
    }

    /// Breaks a connection over which nothing has come since some time.
    func shutDown(localPort: Int32, silentSince: ContinuousClock.Instant) {
        if let last = heard[localPort], last >= silentSince { return }
        let matching = descriptors.filter { Self.localPort(of: $0) == localPort }
        // Sockets of different addresses may have one port: then nobody knows which of them it is.
        guard localPort > 0, matching.count == 1, let descriptor = matching.first else { return }
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// The port is at the same place in both families' addresses.
    private static func localPort(of descriptor: Int32) -> Int32? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        return status == 0 ? Int32(UInt16(bigEndian: address.sin6_port)) : nil
    }
}
