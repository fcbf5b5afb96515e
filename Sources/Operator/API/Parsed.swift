import JSONStream

/// A value out of an object of somebody else, or why it cannot be read.
///
/// One object that a newer schema made unreadable must not end the watch over all of them, and its owner has to be told:
/// so decoding never fails here, and whoever uses the value looks first.
package enum Parsed<Value: Codable & Sendable & Hashable>: Sendable, Hashable {
    case value(Value)
    /// The document as it is, with what stands in the way: the field and what is wrong with it.
    case unreadable(JSONValue, reason: String)

    /// The value, if it can be read.
    package var value: Value? {
        if case .value(let value) = self { value } else { nil }
    }
}

extension Parsed: Codable {
    package init(from decoder: any Decoder) throws {
        do {
            self = .value(try Value(from: decoder))
        } catch let error as DecodingError {
            self = .unreadable(try JSONValue(from: decoder), reason: Self.reason(error, below: decoder.codingPath))
        }
    }

    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .value(let value): try value.encode(to: encoder)
        case .unreadable(let document, _): try document.encode(to: encoder)
        }
    }

    /// The field, named from here, and what is wrong with it.
    private static func reason(_ error: DecodingError, below path: [any CodingKey]) -> String {
        let (context, missing): (DecodingError.Context, [any CodingKey]) =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
                (context, [])
            case .keyNotFound(let key, let context): (context, [key])
            @unknown default: (.init(codingPath: path, debugDescription: "\(error)"), [])
            }
        let field = (context.codingPath.dropFirst(path.count) + missing).map(\.stringValue).joined(separator: ".")
        return field.isEmpty ? context.debugDescription : "\(field): \(context.debugDescription)"
    }
}
