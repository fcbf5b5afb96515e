import Wire

/// How texts of one work item are to be encoded: the merged runtime options, read and checked once.
package struct EncodeParameters: Equatable, Sendable {
    /// Which of a sequence's vectors become the embedding, where the request overrides the checkpoint.
    package enum Pooling: String, Sendable {
        case cls, mean, last
    }

    package var outputTypes: [String]
    package var outputDType: OutputDType
    package var isQuery: Bool
    package var instruction: String?
    package var template: TextTemplate?
    package var normalize: Bool?
    package var pooling: Pooling?

    /// Reads the options merged from profile and request.
    ///
    /// - Parameters:
    ///   - options: profile runtime options overlaid by the request's.
    ///   - outputTypes: the work item's `output_types`, which the options may override.
    ///   - instruction: the work item's instruction, which wins over the options'.
    ///   - isQuery: the work item's `is_query`; the option of that name also switches it on.
    package init(
        options: RuntimeOptions, outputTypes: [String]?, instruction: String?, isQuery: Bool
    ) throws(EncodeError) {
        self.outputTypes = try options.strings("output_types") ?? outputTypes ?? ["dense"]
        let dtype = try options.string("output_dtype") ?? OutputDType.float32.rawValue
        guard let outputDType = OutputDType(rawValue: dtype) else {
            let known = OutputDType.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidOption("output_dtype", "'\(dtype)' is not one of \(known)")
        }
        self.outputDType = outputDType
        self.isQuery = isQuery ? true : try options.bool("is_query") ?? false
        self.instruction = if let instruction { instruction } else { try options.string("instruction") }
        let templateOption = self.isQuery ? "query_template" : "doc_template"
        if let source = try options.string(templateOption) {
            template = try TextTemplate(source, option: templateOption)
        }
        normalize = try options.bool("normalize")
        switch try options.string("pooling") {
        case nil: pooling = nil
        case "last_token": pooling = .last
        case let name?:
            guard let known = Pooling(rawValue: name) else {
                throw .invalidOption("pooling", "'\(name)' is not one of cls, mean, last, last_token")
            }
            pooling = known
        }
    }

    /// The text the tokenizer sees: the template filled in, or the instruction in front of the text.
    package func prompt(for text: String) -> String {
        if let template { return template.render(text: text, instruction: instruction) }
        guard let instruction, !instruction.isEmpty else { return text }
        return "\(instruction) \(text)"
    }
}

extension RuntimeOptions {
    fileprivate func string(_ name: String) throws(EncodeError) -> String? {
        switch self[name] {
        case nil, .null: nil
        case .string(let value): value
        case let other?: throw .invalidOption(name, "expected a string, not \(other.typeName)")
        }
    }

    fileprivate func bool(_ name: String) throws(EncodeError) -> Bool? {
        switch self[name] {
        case nil, .null: nil
        case .bool(let value): value
        case let other?: throw .invalidOption(name, "expected a boolean, not \(other.typeName)")
        }
    }

    fileprivate func strings(_ name: String) throws(EncodeError) -> [String]? {
        switch self[name] {
        case nil, .null: nil
        case .strings(let values): values
        case let other?: throw .invalidOption(name, "expected an array of strings, not \(other.typeName)")
        }
    }
}
