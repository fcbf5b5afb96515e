/// A date, or a date with a time, as YAML 1.1 writes them unquoted.
public struct YAMLTimestamp: Sendable, Hashable {
    /// The part of a timestamp that a bare date lacks.
    public struct Time: Sendable, Hashable {
        public var hour: Int
        public var minute: Int
        public var second: Int
        public var microsecond: Int
        /// Minutes east of UTC; nil where the text names no zone.
        public var offsetMinutes: Int?

        /// Creates a time of day.
        public init(hour: Int, minute: Int, second: Int, microsecond: Int, offsetMinutes: Int?) {
            self.hour = hour
            self.minute = minute
            self.second = second
            self.microsecond = microsecond
            self.offsetMinutes = offsetMinutes
        }
    }

    public var year: Int
    public var month: Int
    public var day: Int
    /// Nil for a bare date.
    public var time: Time?

    /// Creates a timestamp; nil where no calendar has that day or no clock that time.
    public init?(year: Int, month: Int, day: Int, time: Time? = nil) {
        guard (1...9999).contains(year), (1...12).contains(month),
            (1...Self.days(inMonth: month, of: year)).contains(day)
        else { return nil }
        if let time {
            guard (0..<24).contains(time.hour), (0..<60).contains(time.minute), (0..<60).contains(time.second),
                (0..<1_000_000).contains(time.microsecond), abs(time.offsetMinutes ?? 0) < 24 * 60
            else { return nil }
        }
        self.year = year
        self.month = month
        self.day = day
        self.time = time
    }

    /// ISO 8601 text: `2024-01-02`, `2024-01-02T03:04:05.060000+00:00`.
    ///
    /// - Parameter separator: what stands between date and time.
    public func iso8601(separator: String = "T") -> String {
        var text = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        guard let time else { return text }
        text += "\(separator)\(padded(time.hour, 2)):\(padded(time.minute, 2)):\(padded(time.second, 2))"
        if time.microsecond != 0 { text += ".\(padded(time.microsecond, 6))" }
        if let offset = time.offsetMinutes {
            text += "\(offset < 0 ? "-" : "+")\(padded(abs(offset) / 60, 2)):\(padded(abs(offset) % 60, 2))"
        }
        return text
    }

    private func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
