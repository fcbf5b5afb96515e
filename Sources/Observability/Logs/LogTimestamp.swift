#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The present time as `2026-01-31T12:34:56.789Z`, computed without a calendar library.
package struct LogTimestamp {
    package let milliseconds: Int64

    package init(millisecondsSince1970 milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    package static func now() -> LogTimestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return LogTimestamp(millisecondsSince1970: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// Appends the ISO 8601 text in UTC with milliseconds.
    package func write(to line: inout [UInt8]) {
        let seconds = milliseconds.flooredQuotient(by: 1000)
        let time = CivilTime(secondsSince1970: seconds)
        line.appendDigits(time.year, width: 4)
        line.append(UInt8(ascii: "-"))
        line.appendDigits(time.month, width: 2)
        line.append(UInt8(ascii: "-"))
        line.appendDigits(time.day, width: 2)
        line.append(UInt8(ascii: "T"))
        line.appendDigits(time.hour, width: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDigits(time.minute, width: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDigits(time.second, width: 2)
        line.append(UInt8(ascii: "."))
        line.appendDigits(milliseconds - seconds * 1000, width: 3)
        line.append(UInt8(ascii: "Z"))
    }
}

extension [UInt8] {
    fileprivate mutating func appendDigits(_ value: Int64, width: Int) {
        let digits = String(value)
        for _ in 0..<Swift.max(0, width - digits.utf8.count) { append(UInt8(ascii: "0")) }
        append(contentsOf: digits.utf8)
    }
}
