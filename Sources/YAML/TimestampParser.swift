/// Reads the timestamps of YAML 1.1 as PyYAML's two patterns do.
enum TimestampParser {
    /// The numbers of a timestamp before anything says that they make a date.
    struct Shape {
        var year = 0
        var month = 0
        var day = 0
        var hasTime = false
        var hour = 0
        var minute = 0
        var second = 0
        var microsecond = 0
        var offsetMinutes: Int?
    }

    /// The numbers in a text of the form of a timestamp, or nil for any other text.
    static func shape(of bytes: UnsafeBufferPointer<UInt8>) -> Shape? {
        var cursor = ByteCursor(bytes)
        var shape = Shape()
        guard let year = cursor.digits(4, 4), cursor.skip({ $0 == "-" }), let month = cursor.digits(1, 2),
            cursor.skip({ $0 == "-" }), let day = cursor.digits(1, 2)
        else { return nil }
        shape.year = year
        shape.month = month
        shape.day = day
        if cursor.isAtEnd { return shape }

        guard cursor.skip({ $0 == "T" || $0 == "t" }) || cursor.skipAll(isBlank) > 0,
            let hour = cursor.digits(1, 2), cursor.skip({ $0 == ":" }), let minute = cursor.digits(2, 2),
            cursor.skip({ $0 == ":" }), let second = cursor.digits(2, 2)
        else { return nil }
        shape.hasTime = true
        shape.hour = hour
        shape.minute = minute
        shape.second = second
        if cursor.skip({ $0 == "." }) {
            // Six digits count, the rest is cut off.
            var scale = 100_000
            while let digit = cursor.digits(1, 1) {
                shape.microsecond += digit * scale
                scale /= 10
            }
        }
        if cursor.isAtEnd { return shape }

        cursor.skipAll(isBlank)
        if cursor.skip({ $0 == "Z" }) {
            shape.offsetMinutes = 0
        } else {
            guard let sign = cursor.peek, cursor.skip({ $0 == "+" || $0 == "-" }), let hours = cursor.digits(1, 2)
            else { return nil }
            var minutes = 0
            if cursor.skip({ $0 == ":" }) {
                guard let parsed = cursor.digits(2, 2) else { return nil }
                minutes = parsed
            }
            shape.offsetMinutes = (sign == "-" ? -1 : 1) * (hours * 60 + minutes)
        }
        return cursor.isAtEnd ? shape : nil
    }

    /// The timestamp that a text means; nil where the text has another form or means no day or time.
    static func timestamp(_ text: String) -> YAMLTimestamp? {
        var text = text
        guard let shape = text.withUTF8(shape(of:)) else { return nil }
        let time: YAMLTimestamp.Time? =
            shape.hasTime
            ? YAMLTimestamp.Time(
                hour: shape.hour, minute: shape.minute, second: shape.second, microsecond: shape.microsecond,
                offsetMinutes: shape.offsetMinutes)
            : nil
        return YAMLTimestamp(year: shape.year, month: shape.month, day: shape.day, time: time)
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
}
