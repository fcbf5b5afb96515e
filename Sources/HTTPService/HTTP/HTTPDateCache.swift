import NIOCore
import Observability

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The `date` header's value, formatted at most once a second. One per connection; confined to its event loop.
struct HTTPDateCache {
    private var second = Int64.min
    private var text = ""

    /// The present time as RFC 9110 section 5.6.7 wants it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    mutating func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let present = Int64(time.tv_sec)
        if present != second {
            second = present
            text = CivilTime(secondsSince1970: present).httpDate
        }
        return text
    }
}
