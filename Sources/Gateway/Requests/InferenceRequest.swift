import NIOCore
import Wire

/// An inference request as far as the gateway looks into it: where its items lie, and the parameters they share.
///
/// Items are not decoded. They are ranges of the MessagePack body (a JSON body has been converted once) and are spliced
/// into work items as they are.
package struct InferenceRequest: Equatable, Sendable {
    package var operation: WorkItem.Operation
    /// The MessagePack that the ranges refer to, counted from its reader index.
    package var bytes: ByteBuffer
    package var items: [Range<Int>]
    /// The query of a score request; nil when the caller sent none.
    package var query: Range<Int>?
    /// Nil where they are the defaults, as nearly always: a request is handed on many times.
    private var saidParameters: SaidParameters?

    package var parameters: Parameters {
        get { saidParameters?.value ?? Parameters() }
        set { saidParameters = newValue == Parameters() ? nil : SaidParameters(newValue) }
    }

    private final class SaidParameters: Equatable, Sendable {
        let value: Parameters

        init(_ value: Parameters) { self.value = value }

        static func == (left: SaidParameters, right: SaidParameters) -> Bool { left.value == right.value }
    }

    package struct Parameters: Equatable, Sendable {
        package var outputTypes: [String]?
        package var instruction: String?
        package var isQuery = false
        /// The `options` value, encoded; nil when absent or null.
        package var options: [UInt8]?
        package var labels: [String]?
        /// The `output_schema` value, encoded; nil when absent or null.
        package var outputSchema: [UInt8]?

        package init() {}
    }

    /// How many work items the request becomes: one an item, but one in all for score.
    package var workItemCount: Int { operation == .score ? 1 : items.count }

    package init(operation: WorkItem.Operation, bytes: ByteBuffer, items: [Range<Int>] = []) {
        self.operation = operation
        self.bytes = bytes
        self.items = items
    }

    /// Whether no parameter was given.
    var hasDefaultParameters: Bool { saidParameters == nil }
}

/// Why a body is not a request. The text follows `Failed to parse request body: ` in the answer.
package enum RequestBodyError: Error, Equatable, Sendable {
    case notJSONObject
    case notMessagePackMap
    case json(String)
    case messagePack(String)
    case itemsNotArray
    case inputsNotArray
    case tooManyItems(Int, maximum: Int)
    /// A well-formed body without items.
    case noItems

    package var message: String {
        switch self {
        case .notJSONObject: "Failed to parse request body: Request body must be a JSON object"
        case .notMessagePackMap: "Failed to parse request body: Request body must be a msgpack map"
        case .json(let detail): "Failed to parse request body: json decode: \(detail)"
        case .messagePack(let detail): "Failed to parse request body: msgpack decode: \(detail)"
        case .itemsNotArray: "Failed to parse request body: 'items' must be an array"
        case .inputsNotArray: "Failed to parse request body: 'inputs' must be an array"
        case .tooManyItems(let count, let maximum):
            "Failed to parse request body: \(count) items in one request; at most \(maximum) are accepted"
        case .noItems: "No items found in request body"
        }
    }

    package var rejectionReason: RejectionReason {
        if case .noItems = self { .emptyItems } else { .bodyParseError }
    }
}
