/// Reads settings from environment variables. An empty variable is an unset one.
///
/// Two readings of what does not parse live side by side, because the contracts differ: the plain ones fall back to the
/// default (gateway), those that throw name the variable, the value and what was expected (worker).
public struct Environment: Sendable, Equatable {
    private let variables: [String: String]

    /// Reads from these variables, usually the process's own.
    public init(_ variables: [String: String]) {
        self.variables = variables
    }

    // MARK: Text

    /// The text of a variable.
    public func string(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The parts of a variable between commas; none where it is unset.
    public func list(_ name: String) -> [String] {
        Self.list(variables[name] ?? "")
    }

    /// Splits on commas, trims blanks, drops empty parts.
    public static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { part in
            let head = part.drop(while: \.isWhitespace)
            return String(head.reversed().drop(while: \.isWhitespace).reversed())
        }.filter { !$0.isEmpty }
    }

    // MARK: Lenient

    /// `true`, `1` and `yes` in any case are true; everything else is false.
    public func bool(_ name: String) -> Bool {
        ["true", "1", "yes"].contains(variables[name]?.lowercased() ?? "")
    }

    /// A whole number; the fallback where there is none.
    public func integer(_ name: String, default fallback: Int) -> Int {
        string(name).flatMap { Int($0) } ?? fallback
    }

    /// A finite number; the fallback where there is none.
    public func double(_ name: String, default fallback: Double) -> Double {
        string(name).flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil } ?? fallback
    }

    // MARK: Strict

    /// `true`, `1`, `yes`, `on` in any case are true, `false`, `0`, `no`, `off` false; nil where it is unset.
    ///
    /// - Throws: `SettingError` for anything else.
    public func flag(_ name: String) throws(SettingError) -> Bool? {
        guard let value = string(name) else { return nil }
        switch value.lowercased() {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw SettingError("\(name) must be true or false, not '\(value)'")
        }
    }

    /// A whole number within a range; nil where it is unset.
    ///
    /// - Throws: `SettingError` for anything else.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(SettingError) -> Int? {
        guard let value = string(name) else { return nil }
        guard let number = Int(value), range.contains(number) else {
            throw SettingError(
                "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound), not '\(value)'")
        }
        return number
    }

    /// Seconds within a range; nil where it is unset.
    ///
    /// - Throws: `SettingError` for anything else.
    public func seconds(_ name: String, in range: ClosedRange<Double>) throws(SettingError) -> Duration? {
        guard let value = string(name) else { return nil }
        guard let number = Double(value), range.contains(number) else {
            throw SettingError(
                "\(name) must be seconds from \(range.lowerBound) to \(range.upperBound), not '\(value)'")
        }
        return .seconds(number)
    }
}

extension Environment: CustomStringConvertible {
    /// Variables hold secrets, so they are not told.
    public var description: String { "Environment of \(variables.count) variables" }
}
