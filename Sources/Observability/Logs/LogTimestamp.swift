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
        let days = seconds.flooredQuotient(by: 86_400)
        let secondOfDay = seconds - days * 86_400

        // Civil date from a day count: shift the year to begin in March, so that the leap day is its last day
        // (Howard Hinnant, "chrono-compatible low-level date algorithms", days to civil).
        let shifted = days + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)

        line.appendDigits(year, width: 4)
        line.append(UInt8(ascii: "-"))
        line.appendDigits(month, width: 2)
        line.append(UInt8(ascii: "-"))
        line.appendDigits(day, width: 2)
        line.append(UInt8(ascii: "T"))
        line.appendDigits(secondOfDay / 3600, width: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDigits(secondOfDay / 60 % 60, width: 2)
        line.append(UInt8(ascii: ":"))
        line.appendDigits(secondOfDay % 60, width: 2)
        line.append(UInt8(ascii: "."))
        line.appendDigits(milliseconds - seconds * 1000, width: 3)
        line.append(UInt8(ascii: "Z"))
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

extension [UInt8] {
    fileprivate mutating func appendDigits(_ value: Int64, width: Int) {
        let digits = String(value)
        for _ in 0..<Swift.max(0, width - digits.utf8.count) { append(UInt8(ascii: "0")) }
        append(contentsOf: digits.utf8)
    }
}
