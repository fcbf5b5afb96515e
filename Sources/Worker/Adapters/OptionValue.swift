/// The value of one runtime option, whatever notation carried it: a model's YAML profile, a JSON body or a
/// MessagePack work item all end here, so that merging and reading them is written once.
package enum OptionValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case strings([String])
    /// A value no option accepts; the payload names what it is, for the error message.
    case unsupported(String)

    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .number: "number"
        case .string: "string"
        case .strings: "array of strings"
        case .unsupported(let name): name
        }
    }
}

/// Runtime options by name.
package typealias RuntimeOptions = [String: OptionValue]

extension RuntimeOptions {
    /// The profile's options overlaid by the request's: shallow, the request wins, and the key `profile`, which only
    /// selects the former, is dropped (worker contract 5.2 and 6.4; applied on the queue path too).
    package func overlaid(by request: RuntimeOptions) -> RuntimeOptions {
        var merged = merging(request) { _, theirs in theirs }
        merged["profile"] = nil
        return merged
    }
}
