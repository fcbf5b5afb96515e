/// Reads settings from environment variables by the contract's rules: an empty string is an unset variable, and text
/// that does not parse means the default.
package struct Environment: Sendable {
    private let variables: [String: String]

    package init(_ variables: [String: String]) {
        self.variables = variables
    }

    /// `true`, `1` and `yes` in any case are true; everything else is false.
    package func bool(_ name: String) -> Bool {
        ["true", "1", "yes"].contains(variables[name]?.lowercased() ?? "")
    }

    package func string(_ name: String) -> String? {
        variables[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    package func integer(_ name: String, default fallback: Int) -> Int {
        string(name).flatMap { Int($0) } ?? fallback
    }

    package func double(_ name: String, default fallback: Double) -> Double {
        string(name).flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil } ?? fallback
    }

    package func list(_ name: String) -> [String] {
        Self.list(variables[name] ?? "")
    }

    /// Splits on commas, trims blanks, drops empty parts.
    package static func list(_ text: String) -> [String] {
        text.split(separator: ",").map { part in
            let head = part.drop(while: \.isWhitespace)
            return String(head.reversed().drop(while: \.isWhitespace).reversed())
        }.filter { !$0.isEmpty }
    }
}
