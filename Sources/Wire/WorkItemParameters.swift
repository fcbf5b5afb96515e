import MessagePack

/// What a request says to all of its work items alike, encoded once.
public struct WorkItemParameters: Sendable {
    /// output_types, instruction, is_query, options
    let middle: [UInt8]
    /// labels, output_schema
    let end: [UInt8]

    /// Nothing but the defaults, as most requests have it.
    public static let none = WorkItemParameters(
        outputTypes: nil, instruction: nil, isQuery: false, options: nil, labels: nil, outputSchema: nil)

    /// - Parameters:
    ///   - options: MessagePack bytes, as are those of `outputSchema`.
    public init(
        outputTypes: [String]?, instruction: String?, isQuery: Bool, options: [UInt8]?, labels: [String]?,
        outputSchema: [UInt8]?
    ) {
        var writer = MessagePackWriter(capacity: 128)
        writer.write("output_types" as StaticString)
        writer.write(optional: outputTypes)
        writer.write("instruction" as StaticString)
        writer.write(optional: instruction)
        writer.write("is_query" as StaticString)
        writer.write(isQuery)
        writer.write("options" as StaticString)
        writer.write(optionalRaw: options)
        middle = writer.bytes
        writer = MessagePackWriter(capacity: 64)
        writer.write("labels" as StaticString)
        writer.write(optional: labels)
        writer.write("output_schema" as StaticString)
        writer.write(optionalRaw: outputSchema)
        end = writer.bytes
    }
}
