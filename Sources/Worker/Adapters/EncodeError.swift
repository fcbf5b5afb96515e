/// Why one item cannot be encoded. Published as the error of that item, never a reason to redeliver it.
package enum EncodeError: Error, Equatable {
    case missingText(adapter: String)
    case invalidOption(String, String)
    case unsupportedOutput(String, model: String)
    case unknownProfile(String, model: String)
    case unsupportedOperation(String, model: String)
    case unsupportedPayload(String)
}

extension EncodeError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingText(let adapter):
            "\(adapter) requires text input: the item has no 'text'"
        case .invalidOption(let name, let reason):
            "invalid option '\(name)': \(reason)"
        case .unsupportedOutput(let type, let model):
            "model '\(model)' does not support output type '\(type)'"
        case .unknownProfile(let profile, let model):
            "model '\(model)' has no profile '\(profile)'"
        case .unsupportedOperation(let operation, let model):
            "model '\(model)' does not support operation '\(operation)'"
        case .unsupportedPayload(let reason):
            reason
        }
    }
}
