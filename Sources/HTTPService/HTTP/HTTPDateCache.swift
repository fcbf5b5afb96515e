import NIOCore
import Observability

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The line of the `date` field, made at most once a second. Confined to one event loop.
struct HTTPDateCache {
    private var second = Int64.min
    private var bytes = ByteBuffer()

    /// The present time as RFC 9110 section 5.6.7 wants it: `date: Sun, 06 Nov 1994 08:49:37 GMT`, and CRLF.
    mutating func line() -> ByteBuffer {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let present = Int64(time.tv_sec)
        if present != second {
            second = present
            bytes = ByteBuffer(string: "date: \(CivilTime(secondsSince1970: present).httpDate)\r\n")
        }
        return bytes
    }
}
